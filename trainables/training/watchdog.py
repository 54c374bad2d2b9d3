"""Ends this process when nothing has moved for too long, so that its slot can start anew."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Watchdog:
    """After `seconds` without a sign of life the process is ended, whatever it hangs in.

    What all its threads were doing is then in the file that `watching` was given.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._descriptor: int | None = None

    @contextmanager
    def watching(self, folder: Path) -> Iterator[None]:
        """Watch while the block runs."""
        if self._seconds is None:
            yield
            return
        from trainables.core import ranks  # the board looks at this module, and needs no torch

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"hang-rank{ranks.rank()}.txt"
        with path.open("w") as file:
            self._descriptor = file.fileno()
            self.alive()
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                self._descriptor = None
        path.unlink()

    def alive(self) -> None:
        """A sign of life."""
        if self._seconds is not None and self._descriptor is not None:
            # Its thread is C, and needs no lock that what hangs may hold.
            faulthandler.dump_traceback_later(self._seconds, file=self._descriptor, exit=True)


NO_WATCHDOG = Watchdog(None)
"""For trials that nobody waits for."""


def hung(folder: Path) -> bool:
    """Whether a process was ended by its watchdog while it worked for this folder."""
    return any(file.stat().st_size for file in folder.glob("hang-rank*.txt"))
