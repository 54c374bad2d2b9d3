"""Time stamps of logged values, by which MLflow tells them apart."""

from __future__ import annotations

import time


class Stamps:
    """Unix milliseconds, always later than the one before, and than `after`. For one thread."""

    def __init__(self, after: int = 0) -> None:
        self._last = after

    def next(self) -> int:
        """Now, or slightly later so that no two are equal."""
        self._last = max(time.time_ns() // 1_000_000, self._last + 1)
        return self._last
