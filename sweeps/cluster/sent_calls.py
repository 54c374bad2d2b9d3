"""Calls to a sweep's board whose answers nobody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import ray

from trainables.board.board_client import Answer, BoardClient
from trainables.board.nodes import Nodes
from trainables.core.background import Tell, breakdown


class _SentCall(NamedTuple):
    """What a call does, and what is lost where it breaks down."""

    answer: Answer[None]
    what: str
    loss: str


class SentCalls:
    """Sends calls to the board, keeps their answers, and tells of those that broke down.

    Where the board itself is gone they tell nothing: its driver misses it.
    """

    def __init__(self, board: BoardClient, tell: Tell) -> None:
        self._board = board
        self._tell = tell
        self._open: list[_SentCall] = []
        self._lock = threading.Lock()

    def accept(self, number: int) -> None:
        """A trial is complete."""
        what, loss = f"Trial {number}'s end", "weights of worse trials may be kept as well"
        self._send(self._board.send_accept(str(number)), what, loss)

    def cancel(self, number: int) -> None:
        """Tune has ended a trial, so its slot is to drop it."""
        what, loss = f"Trial {number}'s early end", "its slot trains it on to its whole budget"
        self._send(self._board.send_cancel(str(number)), what, loss)

    def drain(self) -> None:
        """No new trial will come."""
        what, loss = "The early end of idle slots", "they wait until the sweep is over"
        self._send(self._board.send_drain(), what, loss)

    def watch(self, look: Callable[[], Nodes | None], every: float) -> None:
        """The board is to look at the cluster's nodes."""
        what = "The watch over the cluster's nodes"
        loss = "a node that is drained or lost goes unnoticed from now on"
        self._send(self._board.send_watch(look, every), what, loss)

    def _send(self, answer: Answer[None], what: str, loss: str) -> None:
        with self._lock:
            self._open.append(_SentCall(answer, what, loss))

    def look(self) -> None:
        """Read the answers that have come."""
        with self._lock:
            come = [call for call in self._open if call.answer.has_come()]
            self._open = [call for call in self._open if call not in come]
        for call in come:
            try:
                call.answer.get()
            except ray.exceptions.RayTaskError as error:
                self._tell(breakdown(call.what, error.cause, call.loss))
            except ray.exceptions.RayError:
                pass  # the board is gone
