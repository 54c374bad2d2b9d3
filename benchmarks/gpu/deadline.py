"""The remaining time for all checks together."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST = 10.0
"""Minimum seconds for a check: importing torch and transformers takes as long."""


class Deadline:
    """A deadline in `seconds` from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def allows(self, wanted: float) -> float | None:
        """The available part of the `wanted` seconds; None if too few are left to begin."""
        left = self._end - self._clock()
        return None if left < LEAST else min(wanted, left)
