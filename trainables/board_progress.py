"""Tells the board what a slot is at, from a thread, so that training never waits for it."""

from __future__ import annotations

from typing import Any

from trainables.background import logged
from trainables.progress import Phases, Progress
from trainables.ticker import Ticker

EVERY = 2.0
"""Seconds between two messages to the board."""


class BoardProgress:
    """`progress` is for whoever works on the job `job` of rank 0; the board is told while the
    context is open."""

    def __init__(self, board: Any, every: float = EVERY) -> None:
        self.progress = Progress(self._at)
        self.job: str | None = None
        self._board = board
        self._latest: tuple[str | None, Phases] = (None, ())
        self._told: tuple[str | None, Phases] = (None, ())
        self._ticker = Ticker(
            self.tell, every, "progress", "how far this slot is goes untold", logged
        )

    def __enter__(self) -> BoardProgress:
        self._ticker.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._ticker.__exit__(*error)

    def _at(self, phases: Phases) -> None:
        self._latest = (self.job, phases)

    def tell(self) -> None:
        """Tell the board where that has changed; nobody waits for an answer."""
        latest = self._latest
        if latest != self._told:
            self._board.at.remote(*latest)
            self._told = latest
