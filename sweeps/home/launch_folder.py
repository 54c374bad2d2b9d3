"""The folder in which a sweep was launched: the base of the relative paths in its file."""

from __future__ import annotations

from contextlib import AbstractContextManager, chdir, nullcontext
from pathlib import Path

from results.records.record import SweepRecord


def where_it_was_launched(sweep: SweepRecord) -> AbstractContextManager[None]:
    """Enter the working folder of the launch, if it still exists.

    This changes the folder for all threads; a command has its own process.
    """
    folder = sweep.folder
    return chdir(folder) if folder and Path(folder).is_dir() else nullcontext()
