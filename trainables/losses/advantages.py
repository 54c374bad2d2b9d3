"""Advantages of answers from the rewards of their groups: [groups, answers of each]; or of their
tokens from rewards and values: [answers, tokens]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_DEVIATION = 1e-4
"""Added to a group's standard deviation, as in TRL."""

_LEAST_WHITENED = 1e-8
"""Added to the standard deviation of a step's advantages."""


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


def generalised(
    rewards: Floats, values: Floats, inside: NDArray[np.bool_], gamma: float, decay: float
) -> Floats:
    """Generalised advantage estimation of the tokens `inside` the answers (0 beside them).

    A_t = d_t + gamma lambda A_(t+1) with d_t = r_t + gamma V_(t+1) - V_t and V = 0 after the last
    token: equation 16 of Schulman et al. 2015 (arXiv:1506.02438), 11 and 12 of PPO (Schulman et al.
    2017, arXiv:1707.06347).
    """
    advantages = np.zeros_like(values)
    later, value = np.zeros((2, len(values)))
    for at in reversed(range(values.shape[1])):
        surprise = rewards[:, at] + gamma * value - values[:, at]
        later = np.where(inside[:, at], surprise + gamma * decay * later, 0.0)
        value = np.where(inside[:, at], values[:, at], 0.0)
        advantages[:, at] = later
    return advantages


def whitened(advantages: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Those inside with mean 0 and standard deviation 1, as in Ziegler et al. 2019
    (arXiv:1909.08593)."""
    chosen = advantages[inside]
    scaled = (advantages - chosen.mean()) / (chosen.std() + _LEAST_WHITENED)
    return np.where(inside, scaled, 0.0)


def explained_variance(values: Floats, returns: Floats) -> float:
    """1 - Var(returns - values) / Var(returns); 0 if the returns do not vary."""
    varied = float(returns.var())
    return 1 - float((returns - values).var()) / varied if varied else 0.0


def without_difference(rewards: Floats) -> NDArray[np.bool_]:
    """The groups whose answers all have the same reward, so that nothing is learned from them."""
    same: NDArray[np.bool_] = np.ptp(rewards, axis=1) == 0
    return same
