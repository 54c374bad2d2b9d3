"""Run by torchrun on two workers: writes down the answers that trials generate together.

torchrun --nproc-per-node 2 two_workers_generation.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import chat_training as chats
import tiny_training as tiny

from trainables.core.evaluation import Evaluation, Verdict
from trainables.core.model_source import ModelSource
from trainables.training.inputs import Inputs

KINDS = {
    "plain": {},
    "ZeRO-2": {"deepspeed__zero_stage": 2},
    "ZeRO-3": {"deepspeed__zero_stage": 3},
}


class Answers(tiny.Watcher):
    """Has the answers written to `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        super().evaluated(evaluation)
        return Verdict(answers=self.folder)


def trained(workshop, folder: Path, kind: str) -> dict[str, object]:
    """What a trial measures and the samples that it leaves."""
    watcher = Answers(folder / kind)
    # 13 prompts in batches of 3: the second worker has nothing to do in the last round.
    params = {"evaluation__batch_size": 3, "evaluation__metrics": ["eval_answer_tokens"]}
    workshop.train(chats.chat_trial(folder, **params, **KINDS[kind]), watcher)
    return {"metrics": watcher.seen[-1].metrics if watcher.seen else None}  # rank 0 is told


def main(folder: Path) -> None:
    import deepspeed
    import torch.distributed as dist

    from trainables.training.workshop import Workshop

    deepspeed.init_distributed("gloo")
    train, validation = (Path(sys.argv[at]) for at in (2, 3))
    workshop = Workshop(Inputs(ModelSource(str(folder / "model")), train, validation))
    made = {kind: trained(workshop, folder, kind) for kind in KINDS}
    (folder / f"rank{dist.get_rank()}.json").write_text(json.dumps(made))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
