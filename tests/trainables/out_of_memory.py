"""A slot's worker in a process with little memory: python out_of_memory.py FOLDER

Writes FOLDER/seen.json: how the trial ended with what micro-batch, its losses and those of a run
that had this micro-batch from the beginning, and the megabytes that were held after each attempt.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import tiny_training as tiny

from trainables import slot
from trainables.board import Board, Job
from trainables.config import TrialConfig
from trainables.evaluation import Evaluation, Outcome
from trainables.gang import Care

SEQUENCES = 8192
ROOM = 700 * 2**20
"""Bytes that the process may take beyond those that it has when it is warm."""


class Desk:
    """A board in this process, which is asked as an actor would be."""

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

    def trial(self, worker: Any, config: TrialConfig, folder: Path) -> tuple[list[float], Outcome]:
        """Its losses, and how it ended, after as many attempts as it takes."""
        life = self.ask("hello", "slot")
        self.ask("submit", Job(folder.name, config, folder))
        while not self.board._tickets[folder.name].ended:
            worker.do(self.ask("take", "slot", life, 0.0))
            self.resident[folder.name].append(psutil.Process().memory_info().rss / 2**20)
        losses = []
        while isinstance(event := self.ask("next_event", folder.name), Evaluation):
            losses.append(event.metrics["eval_loss"])
        return losses, event


def main(folder: Path) -> None:
    slot.ray = SimpleNamespace(get=lambda answer: answer, wait=lambda calls, timeout: ([], calls))
    inputs = tiny.make_inputs(folder)
    tiny.make_sequences(inputs.train, SEQUENCES, seed=1)
    desk = Desk()
    worker = slot._Worker(desk, inputs, Care())
    wanted = tiny.trial(batch_size=SEQUENCES, micro_batch_size=SEQUENCES)
    desk.trial(worker, wanted.with_params({"micro_batch_size": 64}), folder / "warm-up")
    limit = psutil.Process().memory_info().vms + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    losses, outcome = desk.trial(worker, wanted, folder / "shrunk")
    fitting = wanted.with_params({"micro_batch_size": outcome.attempt.micro_batch_size})
    direct, _ = desk.trial(worker, fitting, folder / "direct")
    seen = {
        "attempt": asdict(outcome.attempt),
        "ending": outcome.ending,
        "error": (folder / "shrunk" / "error-rank0.txt").read_text(),
        "losses": losses,
        "direct": direct,
        "wanted": SEQUENCES,
        "resident": desk.resident,
    }
    (folder / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
