"""Run by torchrun on two workers: trials under ZeRO-3, and what came of them.

torchrun --nproc-per-node 2 two_workers_zero3.py FOLDER
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import numpy as np
import tiny_training as tiny
from two_workers import bytes_alive, left_alive

from trainables.config import combinations
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.core.model_source import ModelSource
from trainables.training.inputs import Inputs

TRAIN, VALIDATION = 16, 9
"""Pairs. One rank validates 5 of the 9 and the other 4, so that it has a pass to spare with
micro-batches of 1 and 4."""

PREFERENCES = {
    f"{method}, micro-batches of {size}": {
        "objective": "dpo",
        "method": method,
        "micro_batch_size": size,
        "budget__steps": None,
        "budget__epochs": 2,
        "optimizer__epsilon": 1e-3,
    }
    for method, size in (("lora", 1), ("lora", 4), ("full", 1))
}
"""In the second epoch a rank meets examples whose reference only the other one remembers."""

SHORT = {"objective": "dpo", "method": "full", "budget__steps": 2}

HIERARCHY = {"a copy on the node": 2, "another one": 2, "none": 1, "one again": 2}
"""The hierarchical_partition_size of trials in a row, which must all learn the same."""


def main(folder: Path) -> None:
    import deepspeed
    import torch.distributed as dist

    from trainables.losses import tokens
    from trainables.training.workshop import Workshop

    # The ranks' micro-batches have unequal numbers of targets, and so of parts.
    tokens.PART_ELEMENTS, tokens.LEAST_PART = 1, 5
    deepspeed.init_distributed("gloo")
    workshop = Workshop(
        Inputs(
            ModelSource(str(folder / "model")), folder / "train-pairs", folder / "validation-pairs"
        )
    )
    made = {}
    for name, params in PREFERENCES.items():
        workshop.references.forget()
        made[name] = preferred(workshop, folder / name, deepspeed__zero_stage=3, **params)
    before = bytes_alive()
    for name, size in HIERARCHY.items():
        engine = {"zero_stage": 3, "hierarchical_partition_size": size}
        made[name] = preferred(workshop, folder / name, **SHORT, deepspeed=engine)
    made["left behind"] = left_alive() - before
    made["shares"] = shares(workshop)
    made["refused"] = refused(workshop, folder)
    made["after it"] = preferred(workshop, folder / "after it", **SHORT)
    (folder / f"rank{dist.get_rank()}.json").write_text(json.dumps(made))
    dist.destroy_process_group()


def preferred(workshop, folder, **params):
    """The metrics at each evaluation, and the loss of each pair at the last."""
    _, watcher = tiny.run_trial(workshop, tiny.Watcher(folder), **params)
    if not watcher.seen:
        return None
    kept = np.load(folder / "losses.npz")
    return {
        "metrics": [dict(evaluation.metrics) for evaluation in watcher.seen],
        "losses": kept["loss_sums"].tolist(),
        "counts": kept["token_counts"].tolist(),
    }


def shares(workshop) -> tuple[int, int]:
    """The numbers that this rank holds of a full fine-tune's reference, and those of the whole."""
    config = tiny.trial(**SHORT, deepspeed={"zero_stage": 3})
    with workshop.references.held:
        weights = list(workshop.references.untouched(config).parameters())
        return sum(each.ds_tensor.numel() for each in weights), sum(
            each.ds_numel for each in weights
        )


def refused(workshop, folder):
    """Why a trial is refused whose disk is there for the first rank alone."""
    (folder / "disk").mkdir(exist_ok=True)
    combinations._has_libaio = lambda: True  # it is the folder that one rank lacks
    engine = {"zero_stage": 3, "offload_optimizer": "nvme", "nvme_path": "disk"}
    with contextlib.chdir(folder if ranks.rank() == 0 else folder / "model"):
        try:
            tiny.run_trial(workshop, **SHORT, deepspeed=engine)
        except RefusedError as error:
            return str(error)
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
