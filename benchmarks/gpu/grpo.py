"""Reinforcement learning: GRPO with LoRA, from writing the answers to the step on them.

The answers of an untrained model end at random, so the number of their tokens is what is rewarded.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu import memory
from benchmarks.gpu.finding import Figure, Finding, report
from benchmarks.gpu.material import asked_inputs
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Monitor, Verdict
from trainables.training.workshop import Workshop

MOST_GAP = 0.1
"""Nats between a token's log-probability when written and when trained on: bf16 rounds."""

STEPS = 6
"""Two evaluations share them, and the first half warms up."""


@dataclass(frozen=True)
class _Load:
    """Prompts and answers to each of a step, and the tokens of both."""

    prompts: int
    answers: int
    prompt: int
    new: int


def measure(options: argparse.Namespace) -> Finding:
    """Train it, and look at the second half."""
    load = _Load(2, 4, 16, 16) if options.tiny else _Load(16, 8, 128, 128)
    workshop = Workshop(asked_inputs(options.work, load.prompt, load.new // 2, options.tiny))
    seen = _Halves()
    outcome = workshop.train(_config(load), seen)
    if outcome.ending is not Ending.COMPLETE:
        raise RuntimeError(f"the trial ended {outcome.ending}: {outcome.error}")
    first, second = seen.halves
    found = second.metrics
    steps, writing = STEPS // 2, found["train_rollout_seconds"]
    tokens = steps * load.prompts * load.answers * found["train_answer_tokens"]
    # The time of training excludes that of answers to validation prompts.
    training = (second.cost.seconds - second.cost.generation_seconds) - (
        first.cost.seconds - first.cost.generation_seconds
    )
    figures: dict[str, Figure] = {
        "rollout tokens/s": round(tokens / writing),
        "share of rollouts": round(writing / training, 2),
        "ms a step": round(1000 * training / steps),
        "gap, nats": round(found["train_gap"], 4),
        **memory.peaks(),
        "answers a step": load.prompts * load.answers,
        "tokens of an answer": round(found["train_answer_tokens"], 1),
        "equal groups": round(found["train_equal_groups"], 2),
    }
    wide = found["train_gap"] > MOST_GAP
    return Finding(figures, f"the gap is more than {MOST_GAP} nats" if wide else None)


class _Halves(Monitor):
    """Keeps the evaluations."""

    def __init__(self) -> None:
        self.halves: list[Evaluation] = []

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep it."""
        self.halves.append(evaluation)
        return Verdict()


def _config(load: _Load) -> TrialConfig:
    tree: dict[str, Any] = {
        "model": "main",
        "objective": "grpo",
        "method": "lora",
        "precision": "bf16",
        "data": {"train": "synthetic", "max_length": load.prompt + load.new},
        "rl": {"rewards": {"eval_answer_tokens": 1.0}, "group_size": load.answers},
        "batch_size": load.prompts,
        "micro_batch_size": load.answers,
        "learning_rate": 1e-5,
        "budget": {"steps": STEPS, "evaluations": 2},
        "evaluation": {
            "max_new_tokens": load.new,
            "batch_size": load.prompts * load.answers,
        },
    }
    return TrialConfig.model_validate(tree)


if __name__ == "__main__":
    report(measure)
