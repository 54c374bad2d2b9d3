"""Calls to a sweep's board whose answers nobody waits for."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import ray

from trainables.background import Tell, breakdown


class _Errand(NamedTuple):
    what: str
    loss: str


class Errands:
    """Keeps the answers of calls that were only sent, and tells of those that broke down.

    Where the board itself is gone they tell nothing: its driver misses it.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._open: dict[Any, _Errand] = {}
        self._lock = threading.Lock()

    def send(self, answer: Any, what: str, loss: str) -> None:
        """Keep a call's answer; `what` it does, and what is lost where it breaks down."""
        with self._lock:
            self._open[answer] = _Errand(what, loss)

    def look(self) -> None:
        """Read the answers that have come."""
        with self._lock:
            sent = list(self._open)
        come, _ = ray.wait(sent, num_returns=max(1, len(sent)), timeout=0)
        for answer in come:
            with self._lock:
                errand = self._open.pop(answer)
            try:
                ray.get(answer)
            except ray.exceptions.RayTaskError as error:
                self._tell(breakdown(errand.what, error.cause, errand.loss))
            except ray.exceptions.RayError:
                pass  # the board is gone
