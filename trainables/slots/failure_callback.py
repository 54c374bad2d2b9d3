"""Reports the failure of a slot's workers to the board."""

from __future__ import annotations

from contextlib import suppress

import ray
from ray.train import UserCallback

from trainables.board.board_client import BoardClient


class FailureCallback(UserCallback):
    """Reports it at once: after the loss of a node, new workers may take long to start."""

    def __init__(self, board: BoardClient, slot: str) -> None:
        self._board = board
        self._slot = slot

    def after_exception(self, run_context: object, worker_exceptions: dict[int, Exception]) -> None:
        """Called by Train's controller when it notices the failure."""
        with suppress(ray.exceptions.RayActorError):  # the slot will notice
            self._board.lost(self._slot)
