"""What the objectives of reinforcement learning have in common: answers, rewards, a policy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen, NonNegative, PositiveFloat, PositiveInt
from trainables.objectives.objective import Objective

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig

REWARD = "eval_reward"
KL = "eval_kl"
"""Metrics of answers that all objectives of reinforcement learning have."""

REWARD_MODEL = "eval_reward_model"
"""An answer's score by `rl.reward_model`."""

HELD_OUT = "eval_held_out"
"""An answer's score by the model in `rl.held_out`."""


def metric_of_judge(held_out: str | None) -> str | None:
    """The metric that `rl.held_out` stands for: itself, or the score of the model that it names."""
    if held_out is None or held_out.startswith("eval_"):
        return held_out
    return HELD_OUT


class RlConfig(Frozen):
    """Reinforcement learning: the model answers prompts, and its answers are rewarded."""

    rewards: dict[str, float] = Field(
        default_factory=dict,
        description="metrics of answers, own ones too, each with its weight in the reward; with "
        "reward_model, eval_reward_model has weight 1 unless given another",
    )
    reward_model: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="model that scores whole answers: sweep:NAME (the winner of a sweep with "
        "objective reward), folder, or hub id; its score is eval_reward_model",
    )
    reward_model_precision: Literal["fp32", "fp16", "bf16"] | None = Field(
        default=None, description="precision of its weights and passes; unset: as it was saved"
    )
    held_out: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="a judge of the reward: a metric of answers, or a second reward model, named "
        "as reward_model, whose score is eval_held_out; measured and shown, never rewarded or "
        "searched by",
    )
    group_size: PositiveInt = Field(
        default=8, description="answers to each prompt, two or more; with ppo, one will do"
    )
    beta: NonNegative = Field(
        default=0.04, description="weight of the KL divergence from the base (0: none)"
    )
    temperature: PositiveFloat = Field(
        default=1.0, description="temperature of the answers that are trained on"
    )
    clip: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.2, description="an importance ratio beyond 1 - clip or 1 + clip gets no gradient"
    )
    epochs: PositiveInt = Field(
        default=1, description="optimizer steps on the same answers, before new ones are written"
    )
    max_kl: PositiveFloat = Field(
        default=10.0, description="nats per token from the base at which a trial has diverged"
    )

    @field_validator("rewards")
    @classmethod
    def _are_numbers(cls, rewards: dict[str, float]) -> dict[str, float]:
        for name, weight in rewards.items():
            if not math.isfinite(weight) or weight == 0:
                raise ValueError(f"{name}: {weight:g} is not a weight; use a number other than 0")
        return rewards

    @property
    def held_out_metric(self) -> str | None:
        """The metric that judges the reward."""
        return metric_of_judge(self.held_out)

    @model_validator(mode="after")
    def _rewards_the_model(self) -> Self:
        if self.reward_model is not None and REWARD_MODEL not in self.rewards:
            object.__setattr__(self, "rewards", {REWARD_MODEL: 1.0, **self.rewards})
        return self


class Policy(Objective):
    """Writes answers to prompts, and makes those more likely that are rewarded above others."""

    sections = {"rl": RlConfig}
    writes_answers = True
    asks_prompts = True
    rolls_out = True
    judged_by = REWARD
    of_answers = (REWARD, KL)
    no_packing = "trains on answers that are not written yet; only sft supports packing"
    refuses_by = ("label_smoothing", "batch_ramp.start_fraction", "rl.group_size")

    compares: ClassVar[bool] = True
    """Whether an answer is judged against the others to its prompt."""

    def group_size(self, config: TrialConfig) -> int:
        """Answers to each prompt."""
        return config.settings(RlConfig).group_size

    def passes(self, config: TrialConfig) -> int:
        """Optimizer steps on the same answers."""
        return config.settings(RlConfig).epochs

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Budgets and batches that count what is not written yet, and groups of one."""
        yield from super().refusals(config)
        size = self.group_size(config)
        if self.compares and size < 2:
            yield Problem(
                "rl.group_size",
                f"{size} is not a group: {self.name} judges an answer against others to its prompt",
                "use 2 or more",
            )
        if config.budget.tokens is not None:
            yield Problem(
                "budget.tokens",
                f"objective {self.name} trains on answers whose length is not known beforehand",
                "use budget.epochs (of the prompts) or budget.steps",
            )
        if config.batch_ramp.start_fraction < 1:
            yield Problem(
                "batch_ramp",
                f"objective {self.name} trains on all answers to batch_size prompts at each step",
                "leave it out",
            )
