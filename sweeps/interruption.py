"""Ctrl-C during a search: Tune is asked to end, in its own time, so that no write is cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.tune import Stopper


class Interruption(Stopper):
    """Whether Ctrl-C was pressed. A second one is not caught and ends the process at once."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Tune asks for each trial; none is singled out."""
        return False

    def stop_all(self) -> bool:
        """Tune asks between events."""
        return self.requested

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear Ctrl-C while the block runs; Python tells the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: Any) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
