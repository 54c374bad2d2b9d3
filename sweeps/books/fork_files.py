"""The forks in a sweep's folder, and the deletion of those that no trial needs any more."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import suppress

from results.records.record import TrialRecord
from sweeps.home.home import SweepFolder


class ForkFiles:
    """Deletes a trunk's forks once all trials with it have ended.

    Trials that have not begun have no record yet, but the others know their numbers.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._ended: set[int] = set()

    def drop(self, records: Collection[TrialRecord]) -> None:
        """Delete the forks made obsolete by the ends of these trials."""
        ended = [record for record in records if record.status.ended and record.branch]
        self._ended.update(record.number for record in ended)
        trunks = {r.branch.trunk for r in ended if r.branch and self._ended >= {*r.branch.siblings}}
        for trunk in trunks:
            shutil.rmtree(self._folder.forks / f"{trunk:04d}", ignore_errors=True)
        if trunks:
            with suppress(OSError):  # others are there
                self._folder.forks.rmdir()
