"""Run by torchrun on two workers: trains the trials of CASES and writes down what came of them.

torchrun --nproc-per-node 2 two_workers.py FOLDER
"""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import asdict
from pathlib import Path

import tiny_training as tiny

from trainables.inputs import Inputs

SHORT = {"budget__steps": 4, "budget__evaluations": 2, "warmup_fraction": 0.5, "batch_size": 12}
"""With a warm-up, accumulation and clipping that matter, and steps that no rounding turns round."""

CAREFUL = {
    **SHORT,
    "micro_batch_size": 3,
    "optimizer__epsilon": 1e-3,
    "optimizer__max_grad_norm": 0.3,
    "optimizer__weight_decay": 0.1,
}

ENGINES = {
    "plain": {},
    **{f"ZeRO-{stage}": {"deepspeed__zero_stage": stage} for stage in range(4)},
    "ZeRO-2 offload": {"deepspeed__zero_stage": 2, "deepspeed__offload_optimizer": "cpu"},
    "ZeRO-3 offload": {
        "deepspeed__zero_stage": 3,
        "deepspeed__offload_optimizer": "cpu",
        "deepspeed__offload_parameters": "cpu",
    },
}

SAME_AS_ALONE = {
    f"{method} {name}": {**CAREFUL, "method": method, **engine}
    for method in ("lora", "freeze", "full")
    for name, engine in ENGINES.items()
}
"""Trials that must end like the same ones on one worker without DeepSpeed."""

HALF = {
    f"{method} {name}": {**CAREFUL, "method": method, "precision": "bf16", **engine}
    for method in ("lora", "freeze", "full")
    for name, engine in ENGINES.items()
}
"""The same in bf16, in which two ways of summing up differ in the third digit."""

STOPPED = {**SHORT, "budget__steps": 30}
DIVERGED = {**SHORT, "budget__steps": 30, "warmup_fraction": 0.0, "learning_rate": 1e25}


def main(folder: Path) -> None:
    import deepspeed
    import torch.distributed as dist

    from trainables.finetune import Workshop

    deepspeed.init_distributed("gloo")
    workshop = Workshop(
        Inputs(str(folder / "model"), None, folder / "train", folder / "validation")
    )
    base = tiny.fingerprint(workshop._base.lend(tiny.trial()))
    made = {"base": workshop.measure_base(tiny.trial()).metrics}
    for name, params in SAME_AS_ALONE.items():
        made[name] = trained(workshop, tiny.Watcher(folder / name), params)
    made["stopped"] = trained(workshop, tiny.Watcher(stop_at_step=3), STOPPED)
    made["diverged"] = trained(workshop, tiny.Watcher(), DIVERGED)
    made["bf16"] = {
        name: trained(workshop, tiny.Watcher(), params) for name, params in HALF.items()
    }
    made["engines"] = sum(isinstance(each, deepspeed.DeepSpeedEngine) for each in gc.get_objects())
    made["after all"] = trained(workshop, tiny.Watcher(), SAME_AS_ALONE["lora plain"])
    made["pristine"] = tiny.fingerprint(workshop._base.lend(tiny.trial())) == base
    (folder / f"rank{dist.get_rank()}.json").write_text(json.dumps(made))
    dist.destroy_process_group()


def trained(workshop, watcher, params):
    outcome, watcher = tiny.run_trial(workshop, watcher, **params)
    return {
        "ending": outcome.ending,
        "error": outcome.error,
        "losses": watcher.losses,
        "steps": watcher.steps,
        "cost": asdict(outcome.cost),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
