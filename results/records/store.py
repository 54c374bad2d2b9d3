"""A sweep's records on disk: one JSON file for the sweep and one for each trial."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from results.records.record_error import RecordError
from results.records.record_value import Record
from results.records.warm_start import WarmStart

R = TypeVar("R", bound=Record)

Stamp = tuple[int, int, int]
"""What changes with a file: its number, its time and its size."""


class RecordStore:
    """`sweep.json` and `trials/0007/record.json` under `folder`.

    The records of confirmations are in a store of their own, with `below` = "confirmations": no
    reader of the search's trials sees them.

    Once a write returns, the record is on disk; it is complete or absent even after a power cut. A
    trial's file that has not changed since is not read again.
    """

    def __init__(self, folder: Path, below: str = "trials") -> None:
        self.folder = folder
        self._below = below
        self._known: dict[Path, tuple[Stamp, TrialRecord]] = {}

    def trial_folder(self, number: int) -> Path:
        """The folder with all files of a trial."""
        return self.folder / self._below / f"{number:04d}"

    def write_sweep(self, record: SweepRecord) -> None:
        """Write or replace `sweep.json`."""
        write_record(self.folder / "sweep.json", record)

    def sweep(self) -> SweepRecord:
        """The sweep's record; RecordError if there is none."""
        return read_record(self.folder / "sweep.json", SweepRecord)

    def write_trial(self, record: TrialRecord) -> None:
        """Write or replace the trial's file."""
        file = self.trial_folder(record.number) / "record.json"
        write_record(file, record)
        self._known[file] = _stamp(file), record

    def write_cluster(self, record: ClusterRecord) -> None:
        """Write or replace `cluster.json`."""
        write_record(self.folder / "cluster.json", record)

    def cluster(self) -> ClusterRecord | None:
        """The driver's last record of its cluster; None if there is none."""
        path = self.folder / "cluster.json"
        return read_record(path, ClusterRecord) if path.exists() else None

    def write_warm_start(self, record: WarmStart) -> None:
        """Write or replace `warm_start.json`."""
        write_record(self.folder / "warm_start.json", record)

    def warm_start(self) -> WarmStart:
        """What the sweep took over from earlier ones; RecordError if there is no file."""
        return read_record(self.folder / "warm_start.json", WarmStart)

    def trials(self) -> list[TrialRecord]:
        """All trials by number; RecordError if one is unreadable."""
        files = (self.folder / self._below).glob("*/record.json")
        records = [self._trial(file) for file in files if file.parent.name.isdigit()]
        return sorted(records, key=lambda record: record.number)

    def _trial(self, file: Path) -> TrialRecord:
        stamp = _stamp(file)
        known = self._known.get(file)
        if known is None or known[0] != stamp:
            known = self._known[file] = stamp, _read_trial(file)
        return known[1]


def write_record(path: Path, record: Record) -> None:
    """Write or replace a record's file; once this returns, it is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process id keeps two writers from sharing a partial file.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write_through(draft, record.model_dump_json(indent=1))
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        error.filename = error.filename or str(path)  # "disk full" has no file name
        raise
    finally:
        draft.unlink(missing_ok=True)


def _stamp(file: Path) -> Stamp:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _write_through(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Sync the folder: a file's new name is on disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_record(path: Path, kind: type[R]) -> R:
    """The record in a file; RecordError if it is missing or unreadable."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecordError(f"{path}: does not exist; is {path.parent} a sweep's folder?") from None
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not UTF-8 text ({error.reason}); {_WAY_OUT}") from error
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise RecordError(f"{path}: {_first_mistake(error)}; {_WAY_OUT}") from error


def _read_trial(file: Path) -> TrialRecord:
    record = read_record(file, TrialRecord)
    if record.number != int(file.parent.name):
        raise RecordError(
            f"{file}: number: is {record.number}, which does not match its folder; {_WAY_OUT}"
        )
    return record


_WAY_OUT = "restore it from a copy, or move it away: the other trials are readable"


def _first_mistake(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
