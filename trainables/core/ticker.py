"""Calls a function every few seconds, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from trainables.core.background import Background, Tell


class Ticker:
    """Calls `call` every `seconds` while the context is open, and never after it.

    If `call` fails, `tell` receives what is lost.
    """

    def __init__(
        self, call: Callable[[], None], seconds: float, name: str, loss: str, tell: Tell
    ) -> None:
        self._call = call
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = Background(name, self._run, loss, tell)

    def __enter__(self) -> Ticker:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._call()
