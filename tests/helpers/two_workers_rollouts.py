"""Run by torchrun on two workers: writes down what trials measure together.

torchrun --nproc-per-node 2 two_workers_rollouts.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tiny_training as tiny
from rollout_training import rl_trial

from trainables.core import ranks
from trainables.core.model_source import ModelSource
from trainables.training.checkpoints import Checkpoints
from trainables.training.inputs import Inputs
from trainables.training.scoring.reward_source import RewardSource

KINDS = {
    "plain": {},
    "rloo": {"objective": "rloo"},
    "full": {"method": "full", "learning_rate": 1e-3},
    "ppo": {"objective": "ppo"},
    "reward model": {"rl__rewards": {}, "rl__reward_model": "judge"},
    "ppo, ZeRO-2": {"objective": "ppo", "deepspeed__zero_stage": 2},
    "ppo, ZeRO-3": {"objective": "ppo", "deepspeed__zero_stage": 3},
}


def judged_by(judge: Path) -> dict[str, RewardSource]:
    """A reward model in a folder, as the inputs hold it."""
    return {"eval_reward_model": RewardSource(ModelSource(str(judge)), "fp32")}


def trained(workshop, folder: Path, kind: str) -> list[dict[str, float]]:
    """What a trial measures, which is laid aside and resumed between two steps on one rollout."""
    from trainables.core.evaluation import Ending

    # Adam would blow rounding up where there is next to no gradient.
    params = {"optimizer__epsilon": 1e-3, "rl__epochs": 2, "budget__steps": 6}
    config = rl_trial(folder, **{**params, **KINDS[kind]})
    checkpoints = Checkpoints(folder / f"checkpoints-{kind}", every=float("inf"), layout="")
    # Two ranks hear of it a step later.
    first = tiny.Watcher(stop_at_step=4 - ranks.world_size(), how=Ending.SUSPENDED)
    workshop.train(config, first, checkpoints)
    rest = tiny.Watcher()
    workshop.train(config, rest, checkpoints)
    return [dict(each.metrics) for each in (*first.seen, *rest.seen)]  # rank 0 is told


def main(folder: Path) -> None:
    import deepspeed
    import torch.distributed as dist

    from trainables.training.workshop import Workshop

    deepspeed.init_distributed("gloo")
    train, validation, judge = (Path(sys.argv[at]) for at in (2, 3, 4))
    model = ModelSource(str(folder / "model"))
    workshop = Workshop(Inputs(model, train, validation, reward_models=judged_by(judge)))
    made = {kind: trained(workshop, folder, kind) for kind in KINDS}
    (folder / f"rank{dist.get_rank()}.json").write_text(json.dumps(made))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
