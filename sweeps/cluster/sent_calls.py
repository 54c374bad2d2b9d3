"""Asynchronous calls to a sweep's board."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import ray

from trainables.board.board_client import Answer, BoardClient
from trainables.board.nodes import Nodes
from trainables.core.background import Tell, breakdown


class _SentCall(NamedTuple):
    """The purpose of a call, and the loss if it breaks down."""

    answer: Answer[None]
    what: str
    loss: str


class SentCalls:
    """Sends calls to the board, keeps their answers, and reports breakdowns.

    Does not report the loss of the board itself: the driver notices that.
    """

    def __init__(self, board: BoardClient, tell: Tell) -> None:
        self._board = board
        self._tell = tell
        self._open: list[_SentCall] = []
        self._lock = threading.Lock()

    def accept(self, number: int) -> None:
        """Report a completed trial."""
        what, loss = f"Trial {number}'s end", "weights of worse trials may be kept"
        self._send(self._board.send_accept(str(number)), what, loss)

    def cancel(self, number: int) -> None:
        """Have the slot drop a trial that Tune has ended."""
        what, loss = f"Trial {number}'s early end", "its slot trains it to its full budget"
        self._send(self._board.send_cancel(str(number)), what, loss)

    def drain(self) -> None:
        """Report that no new trial will come."""
        what, loss = "The early end of idle slots", "they stay up until the end of the sweep"
        self._send(self._board.send_drain(), what, loss)

    def watch(self, look: Callable[[], Nodes | None], every: float) -> None:
        """Have the board monitor the cluster's nodes."""
        what = "Node monitoring"
        loss = "drained or lost nodes are no longer detected"
        self._send(self._board.send_watch(look, every), what, loss)

    def _send(self, answer: Answer[None], what: str, loss: str) -> None:
        with self._lock:
            self._open.append(_SentCall(answer, what, loss))

    def look(self) -> None:
        """Read the answers that have arrived."""
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
