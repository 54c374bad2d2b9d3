"""Advantages of answers from the rewards of their groups. [groups, answers of each] throughout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_DEVIATION = 1e-4
"""Added to a group's standard deviation, as in TRL."""


def group_relative(rewards: Floats, scaled: bool) -> Floats:
    """Reward minus its group's mean; `scaled`: divided by the group's standard deviation."""
    centered: Floats = rewards - rewards.mean(axis=1, keepdims=True)
    if not scaled:
        return centered
    spread: Floats = centered / (rewards.std(axis=1, ddof=1, keepdims=True) + _LEAST_DEVIATION)
    return spread


def leave_one_out(rewards: Floats) -> Floats:
    """Reward minus the mean of the other answers to the prompt."""
    others = (rewards.sum(axis=1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
    advantages: Floats = rewards - others
    return advantages


def without_difference(rewards: Floats) -> NDArray[np.bool_]:
    """The groups whose answers all have the same reward, so that nothing is learned from them."""
    same: NDArray[np.bool_] = np.ptp(rewards, axis=1) == 0
    return same
