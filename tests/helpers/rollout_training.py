"""What the tests of rollouts share: trials that learn to end their answers early."""

from __future__ import annotations

from pathlib import Path

import chat_training as chats
from data_samples import write_lines

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.data.sets.prepare import prepare
from trainables.training.inputs import Inputs

SHORT = {"eval_answer_tokens": -1.0, "eval_ended": 0.5}
"""Rewards that a random model can learn at once."""


def make_asked(folder: Path) -> Path:
    """A model, and files of chats about sums."""
    chats.make_chat_model(folder / "model")
    write_lines(folder / "train.jsonl", chats.sums(40))
    write_lines(folder / "ask.jsonl", chats.sums(13))
    return folder


def rl_trial(folder: Path, **params) -> TrialConfig:
    """A trial on `make_asked`, with `params` (`lora__rank` for "lora.rank") changed."""
    config = TrialConfig(
        model=str(folder / "model"),
        objective="grpo",
        data={"train": str(folder / "train.jsonl"), "validation": str(folder / "ask.jsonl")},
        precision="fp32",
        budget={"steps": 4, "evaluations": 2},
        batch_size=4,
        micro_batch_size=8,
        learning_rate=1e-2,
        lora={"rank": 4},
        seed=11,
        rl={"rewards": SHORT, "group_size": 4},
        evaluation={"max_new_tokens": 8},
    )
    return config.with_params({name.replace("__", "."): value for name, value in params.items()})


def inputs_of(config: TrialConfig, folder: Path, **further) -> Inputs:
    """The trial's data, prepared."""
    data = prepare(config, config.model, folder / "cache")
    return Inputs(ModelSource(config.model), data.train, data.validation, **further)
