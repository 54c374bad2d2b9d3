"""A reward model: one number for a text."""

from __future__ import annotations

from pydantic import Field

from trainables.core.frozen import Frozen, NonNegative
from trainables.objectives.objective import Objective


class RewardConfig(Frozen):
    """A reward model: Bradley-Terry on pairs, squared error on scalar rewards."""

    center: NonNegative = Field(
        default=0.0,
        description="weight of the penalty (sum of a pair's rewards)^2, to center rewards at zero "
        "(Eisenstein et al. 2023, arXiv:2312.09244)",
    )


class Reward(Objective):
    """A reward model."""

    name = "reward"
    sections = {"reward": RewardConfig}
    scores_single_rows = True
    has_head = True
    no_packing = "scores each sequence separately; only sft supports packing"


REWARD = Reward()
