"""Tells the board of the failure of a slot's workers."""

from __future__ import annotations

from contextlib import suppress

import ray
from ray.train import UserCallback

from trainables.board.board_client import BoardClient


class FailureCallback(UserCallback):
    """Tells the board at once: where a node is lost, new workers may be long in coming."""

    def __init__(self, board: BoardClient, slot: str) -> None:
        self._board = board
        self._slot = slot

    def after_exception(self, run_context: object, worker_exceptions: dict[int, Exception]) -> None:
        """Train's controller calls it when it has noticed."""
        with suppress(ray.exceptions.RayActorError):  # the slot will find out
            self._board.lost(self._slot)
