"""A sweep's requests on disk: one file each, written by commands and read by its driver."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from results.records.request import TrialRequest
from results.records.store import read_record, write_record


class RequestStore:
    """`requests/*.json` in a sweep's `folder`, in the order in which they were made.

    A file stays after its request is fulfilled: which ones are is seen from the study and from the
    trials' records, so that no kill can lose or repeat one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "requests"

    def add(self, request: TrialRequest) -> None:
        """Write it; once this returns, it is on disk."""
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.json"
        write_record(self.folder / name, request)

    def all(self) -> dict[str, TrialRequest]:
        """All requests by their ids, the earliest first; RecordError if one is unreadable."""
        files = sorted(self.folder.glob("[!.]*.json"))
        return {file.stem: read_record(file, TrialRequest) for file in files}

    def added(self) -> int:
        """Number of trials that were asked for."""
        return sum(request.kind == "add" for request in self.all().values())
