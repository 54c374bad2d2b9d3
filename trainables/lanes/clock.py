"""A lane's own seconds: its part of the ticks, and all of what was done for it alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Counts seconds while it runs, and those that are added."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """All seconds so far."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._spent + running

    def add(self, seconds: float) -> None:
        """Add a share of what was spent for several."""
        self._spent += seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Context in which all time is this lane's."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._spent, self._since = self.seconds, None
