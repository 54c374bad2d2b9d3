"""Ends this process when it has hung for too long, so that its slot can restart."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Watchdog:
    """Ends the process after `seconds` without a sign of life, wherever it hangs.

    The stacks of all its threads are then in the file given to `watching`.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._descriptor: int | None = None

    @contextmanager
    def watching(self, folder: Path) -> Iterator[None]:
        """Watch while the block runs."""
        if self.seconds is None:
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
        if self.seconds is not None and self._descriptor is not None:
            # The watchdog's thread is in C and needs no lock that a hanging thread may hold.
            faulthandler.dump_traceback_later(self.seconds, file=self._descriptor, exit=True)


NO_WATCHDOG = Watchdog(None)
"""For trials without a time limit."""


def hung(folder: Path) -> bool:
    """Whether a watchdog ended a process while it worked for this folder."""
    return any(file.stat().st_size for file in folder.glob("hang-rank*.txt"))
