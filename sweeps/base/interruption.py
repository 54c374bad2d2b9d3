"""Ctrl-C and SIGTERM: a search ends between writes, so that none is cut short."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ray.tune import Stopper

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(Stopper):
    """Whether the search must end: after Ctrl-C or SIGTERM (`requested`), if it cannot continue
    (`halted`), or for another reason. A second signal is not caught and ends the process at once.
    """

    def __init__(self, is_to_end: Callable[[], bool] = lambda: False) -> None:
        self.requested = False
        self.halted = False
        self._is_to_end = is_to_end

    def __reduce__(self) -> tuple[type[Interruption], tuple[()]]:
        """Pickled by Tune for its own restore, which we do not use."""
        return Interruption, ()

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """Tune's question about a single trial; always no."""
        return False

    def stop_all(self) -> bool:
        """Tune's question between events."""
        return self.requested or self.halted or self._is_to_end()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals while the block runs."""
        with _handled(self._hear):
            yield

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for each in _SIGNALS:
            signal.signal(each, signal.default_int_handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Both signals raise KeyboardInterrupt while the block runs.

    Batch systems and `timeout` send SIGTERM; Ray would turn it into a SystemExit or a crash.
    """
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Signal handlers, in the main thread only: Python allows them in no other."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    for each in _SIGNALS:
        signal.signal(each, handler)
    try:
        yield
    finally:
        for each, earlier in before.items():
            if earlier is not None:  # a handler set outside of Python cannot be restored
                signal.signal(each, earlier)
