"""Tells a slot's board of its workers' end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import ray
from ray.train import UserCallback


class DeathNotice(UserCallback):
    """Tells the board at once: where a node is lost, new workers may be long in coming."""

    def __init__(self, board: Any, name: str) -> None:
        self._board = board
        self._name = name

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Train's controller calls it when it has noticed."""
        with suppress(ray.exceptions.RayActorError):  # the slot will find out
            ray.get(self._board.lost.remote(self._name))
