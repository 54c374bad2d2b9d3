"""A slot's worker in a process with little memory: python out_of_memory.py FOLDER

Writes FOLDER/seen.json: how the trial ended with what micro-batch, its losses and those of a run
that had this micro-batch from the beginning, and the megabytes that were held after each attempt.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
import tiny_training as tiny
from desk import Desk, without_ray

SEQUENCES = 8192
ROOM = 700 * 2**20
"""Bytes that the process may take beyond those that it has when it is warm."""


def main(folder: Path) -> None:
    without_ray(setattr)
    inputs = tiny.make_inputs(folder)
    tiny.make_sequences(inputs.train, SEQUENCES, seed=1)
    desk = Desk()
    worker = desk.worker(inputs)
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
