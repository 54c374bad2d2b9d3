"""Waiting for what other threads and processes do, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 240.0
"""Seconds, for a sweep on busy cores."""


def wait_until(condition: Callable[[], object], patience: float = PATIENCE) -> float:
    """How many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience, "it has not come to that"
        time.sleep(0.005)
    return time.monotonic() - began
