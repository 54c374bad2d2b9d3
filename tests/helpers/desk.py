"""A board in this process, which is asked as an actor would be, and a slot's worker at it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from trainables.board import board_client
from trainables.board.board import Board
from trainables.board.board_client import BoardClient
from trainables.board.job import Job
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation, Outcome
from trainables.slots import slot
from trainables.slots.board_progress import BoardProgress
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_lanes import LaneSource
from trainables.training.inputs import Inputs

_NODE = SimpleNamespace(get_node_id=lambda: "node")
_IN_PLACE_OF_RAY = SimpleNamespace(
    get=lambda answer, timeout=None: answer,
    wait=lambda calls, timeout: ([], calls),
    get_runtime_context=lambda: _NODE,
)


def without_ray(patch: Callable[[Any, str, Any], None]) -> None:
    """A slot's worker in this process asks a Desk, and is on a node that is not the head."""
    for module in (slot, board_client):
        patch(module, "ray", _IN_PLACE_OF_RAY)


class Desk:
    """`resident` are the megabytes that the process held after each attempt at a trial."""

    def __init__(self) -> None:
        self.board = Board({"eval_loss": "min"})
        self.resident: defaultdict[str, list[float]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *arguments: self.ask(name, *arguments))

    def ask(self, name: str, *arguments: Any) -> Any:
        if name == "wish":
            return None  # nobody wants it to end
        return self._loop.run_until_complete(getattr(self.board, name)(*arguments))

    def worker(
        self, inputs: Inputs, safeguards: Safeguards | None = None, lanes: int = 1
    ) -> slot._Worker:
        """A slot's only worker; with several lanes, nothing waits for the free ones."""
        board, kept = BoardClient(self), safeguards or Safeguards()
        if lanes == 1:
            return slot._Worker(board, inputs, kept)
        source = LaneSource(lanes, lambda kind: None)
        return slot._Worker(board, inputs, kept, BoardProgress(board, gpu=False), source)

    def trial(self, worker: Any, config: TrialConfig, folder: Path) -> tuple[list[float], Outcome]:
        """Its losses, and how it ended, after as many attempts as it takes."""
        life = self.ask("hello", "slot")
        self.ask("submit", Job(folder.name, config, folder))
        while not self.board._queue[folder.name].ended:
            worker.do(self.ask("take", "slot", life, 0.0))
            self.resident[folder.name].append(psutil.Process().memory_info().rss / 2**20)
        losses: list[float] = []
        while isinstance(event := self.ask("event", folder.name, len(losses)), Evaluation):
            losses.append(event.metrics["eval_loss"])
        return losses, event

    def shut(self) -> None:
        self._loop.close()
