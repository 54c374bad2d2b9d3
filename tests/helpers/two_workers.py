"""Run by torchrun on two workers: trains the trials of CASES and writes down what came of them.

torchrun --nproc-per-node 2 two_workers.py FOLDER
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import tiny_training as tiny
from host_reads import reads_of_each_step

from trainables.board.job import Forking, Job
from trainables.core.evaluation import Ending
from trainables.core.model_source import ModelSource
from trainables.slots.slot_forks import SlotForks
from trainables.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from trainables.training.inputs import Inputs

SHORT = {"budget__steps": 6, "budget__evaluations": 2, "warmup_fraction": 0.5, "batch_size": 12}
"""With a warm-up, accumulation and clipping that matter, and steps that no rounding turns round."""

SAME_AS_ALONE = {
    f"{method} {name}": {
        **SHORT,
        "method": method,
        "micro_batch_size": 3,
        "optimizer__epsilon": 1e-3,
        "optimizer__max_grad_norm": 0.3,
        "optimizer__weight_decay": 0.1,
        **({} if stage is None else {"deepspeed__zero_stage": stage}),
    }
    for method in ("lora", "full")
    for name, stage in [("plain", None), *((f"ZeRO-{n}", n) for n in range(4))]
}
"""Trials that must end like the same ones on one worker without DeepSpeed."""

RESUMED = {
    **{name: params for name, params in SAME_AS_ALONE.items() if "ZeRO-1" not in name},
    "bf16 ZeRO-0": {**SHORT, "precision": "bf16", "deepspeed__zero_stage": 0},
}
"""Trials that are laid aside after step 3 and taken up again."""

FORKED = ("lora plain", "full ZeRO-2", "full ZeRO-3", "bf16 ZeRO-0")
"""Of these, those of which a branch begins at a fork, under WSD."""

FORK = 4
"""Where a decay over half of 6 steps parts from one over a third."""

ON_A_PART = {**SHORT, "evaluation__examples": 5, "micro_batch_size": 3}
"""A trial that is measured on so many examples before its end."""

STOPPED = {**SHORT, "budget__steps": 30}
DIVERGED = {**SHORT, "budget__steps": 30, "warmup_fraction": 0.0, "learning_rate": 1e25}


class Board:
    """Hears of the evaluations that a branch takes over."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def evaluated(self, trial, evaluation):
        self.losses.append(evaluation.metrics["eval_loss"])


class Curious(tiny.Watcher):
    """Has the rest measured, or not."""

    def __init__(self, curious: bool) -> None:
        super().__init__()
        self._curious = curious

    def wants_whole(self, evaluation):
        return self._curious


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
            ModelSource(str(folder / "model")),
            folder / "train",
            folder / "validation",
            test=folder / "validation",
        )
    )
    base = tiny.fingerprint(workshop.lend(tiny.trial()))
    made = {"base": workshop.measure_base(tiny.trial()).metrics}
    for name, params in SAME_AS_ALONE.items():
        made[name] = trained(workshop, tiny.Watcher(folder / name), params)
    for name, curious in (("part", False), ("part and rest", True)):
        _, watcher = tiny.run_trial(workshop, Curious(curious), **ON_A_PART)
        made[name] = [[each.metrics, each.subset] for each in watcher.seen]
    made["bf16 ZeRO-0"] = trained(workshop, tiny.Watcher(), RESUMED["bf16 ZeRO-0"])
    made["resumed"] = {name: in_two_halves(workshop, folder, name) for name in RESUMED}
    made["forked"] = {name: forked(workshop, folder / "forked" / name, name) for name in FORKED}
    made["stopped"] = trained(workshop, tiny.Watcher(stop_at_step=3), STOPPED)
    with reads_of_each_step() as reads:
        trained(workshop, tiny.Watcher(), SHORT)
    made["waits"] = sorted({*reads.fresh})
    made["diverged"] = trained(workshop, tiny.Watcher(), DIVERGED)
    with batches_of_causal_lm() as batches:
        made["bf16 ZeRO-2"] = trained(
            workshop, tiny.Watcher(), {**SHORT, "precision": "bf16", "deepspeed__zero_stage": 2}
        )
    made["dtypes"] = {name: str(batches[0][name].dtype) for name in ("label", "weight")}
    made["base ZeRO-3"] = workshop.measure_base(tiny.trial(deepspeed__zero_stage=3)).metrics
    kept = folder / "lora ZeRO-3" / "best"
    made["test ZeRO-3"] = workshop.test(tiny.trial(deepspeed__zero_stage=3), kept).metrics
    before = bytes_alive()
    for name in ("lora ZeRO-3", "full ZeRO-3"):
        trained(workshop, tiny.Watcher(), SAME_AS_ALONE[name])
    workshop.measure_base(tiny.trial(deepspeed__zero_stage=3))
    made["left behind"] = left_alive() - before
    made["shares"] = shares(workshop)
    made["after all"] = trained(workshop, tiny.Watcher(), SAME_AS_ALONE["lora plain"])
    made["pristine"] = tiny.fingerprint(workshop.lend(tiny.trial())) == base
    (folder / f"rank{dist.get_rank()}.json").write_text(json.dumps(made))
    dist.destroy_process_group()


@contextmanager
def batches_of_causal_lm():
    """The batches whose loss is taken inside."""
    from trainables.losses.causal_lm import CausalLm

    loss, batches = CausalLm.loss, []

    def watched(self, model, batch, items):
        batches.append(batch)
        return loss(self, model, batch, items)

    CausalLm.loss = watched
    try:
        yield batches
    finally:
        CausalLm.loss = loss


def left_alive() -> int:
    """The same once gloo's threads have let go of what they sent last."""
    counts = []
    for _ in range(20):
        counts.append(bytes_alive())
        time.sleep(0.1)
    return min(counts)


def bytes_alive() -> int:
    """What all tensors of this process hold."""
    import torch

    gc.unfreeze()
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some objects warn when they are looked at
        tensors = [each for each in gc.get_objects() if isinstance(each, torch.Tensor)]
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


def shares(workshop) -> tuple[int, int]:
    """The numbers that this rank holds of a scattered model, and those of the whole model."""
    from trainables.training.zero.scatter import scatter
    from trainables.training.zero.settings import deepspeed_config

    config = tiny.trial(deepspeed__zero_stage=3, method="full")
    model = workshop.lend(config)
    whole = sum(weight.numel() for weight in model.parameters())
    scatter(model, deepspeed_config(config, 4, 1), workshop.device)
    return sum(weight.ds_tensor.numel() for weight in model.parameters()), whole


def in_two_halves(workshop, folder, name):
    """The losses of a trial that is laid aside and taken up again."""
    checkpoints = Checkpoints(folder / "checkpoints" / name, float("inf"), "two workers")
    laid_aside = tiny.Watcher(stop_at_step=4, how=Ending.SUSPENDED)
    first = trained(workshop, laid_aside, RESUMED[name], checkpoints)
    second = trained(workshop, tiny.Watcher(), RESUMED[name], checkpoints)
    return {
        "losses": first["losses"] + second["losses"],
        "endings": [first["ending"], second["ending"]],
    }


def forked(workshop, folder, name):
    """A branch of a trunk, and the same trial trained whole."""
    board, forking = Board(), Forking(folder / "forks", (FORK,))
    for number, decay in enumerate((1 / 3, 1 / 2)):
        params = {**RESUMED[name], "schedule": "wsd", "wsd__decay_fraction": decay}
        job = Job(str(number), tiny.trial(**params), folder / str(number), forking=forking)
        forks = SlotForks(job, forking, workshop, "two workers")
        seen = forks.begun(board).seen
        watcher = tiny.Watcher()
        made = trained(workshop, watcher, params, forks.checkpoints(float("inf"), watcher.seen))
    whole = trained(workshop, tiny.Watcher(), params)
    return {
        "losses": board.losses + made["losses"],
        "whole": whole["losses"],
        "seen": len(seen),
        "shared": made["cost"]["shared_steps"],
    }


def trained(workshop, watcher, params, checkpoints=NO_CHECKPOINTS):
    outcome, watcher = tiny.run_trial(workshop, watcher, checkpoints, **params)
    return {
        "ending": outcome.ending,
        "error": outcome.error,
        "losses": watcher.losses,
        "steps": watcher.steps,
        "cost": asdict(outcome.cost),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
