"""Four lanes in a process with memory for fewer: python lanes_out_of_memory.py FOLDER

Writes FOLDER/seen.json: the losses of four trials alone and together, how they ended, the most
lanes that were beside each other, and the tokens of a pass after it was halved.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import psutil
import tiny_training as tiny
from lane_training import in_lanes

SEQUENCES = 1024
ROOM = 200 * 2**20
"""Bytes that the process may take beyond those that it has when it is warm."""


def main(folder: Path) -> None:
    from trainables.lanes.loop import Lanes
    from trainables.training.workshop import Workshop

    inputs = tiny.make_inputs(folder)
    tiny.make_sequences(inputs.train, SEQUENCES, seed=1)
    workshop = Workshop(inputs)
    large = {"batch_size": SEQUENCES, "micro_batch_size": SEQUENCES, "budget__steps": 2}
    configs = [tiny.trial(**large, seed=seed, lora__rank=4 + seed) for seed in range(4)]
    alone = [in_lanes(workshop, config)[0].losses for config in configs]
    halved: list[int | None] = []
    shrink = Lanes._shrink

    def seen_to_shrink(lanes, *rest):
        shrink(lanes, *rest)
        halved.append(lanes._budget)

    Lanes._shrink = seen_to_shrink
    limit = psutil.Process().memory_info().vms + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    together = in_lanes(workshop, *configs)
    seen = {
        "alone": alone,
        "together": [each.losses for each in together],
        "endings": [each.outcome and each.outcome.ending for each in together],
        "lanes": max(each.outcome.cost.lanes for each in together),
        "halved": halved,
    }
    (folder / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
