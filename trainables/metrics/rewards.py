"""Rewards, the separation of better from worse answers by them, and divergence from a reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainables.metrics.metric import Measured, Metric

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_PREFERENCES = ("dpo", "orpo", "simpo", "kto")
_POLICIES = ("grpo", "rloo", "ppo")


def _mean(column: str) -> Callable[[Measured], float]:
    """Mean of a column; 0 if it is empty."""

    def mean(measured: Measured) -> float:
        values = measured.columns[column]
        return float(values.mean()) if values.size else 0.0

    return mean


def _of_pairs(measured: Measured, signs: bool) -> tuple[Floats, Floats] | None:
    """The given pairs; None where all pairs of single examples are compared."""
    import numpy as np

    margins = measured.columns.get("margin")
    if margins is None:
        return None
    return (np.sign(margins) + 1) / 2 if signs else margins, np.ones_like(margins)


REWARD_ACCURACY = Metric(
    "eval_reward_accuracy",
    "max",
    "share",
    ("reward", *_PREFERENCES),
    lambda measured: measured.ranking[0],
    parts=lambda measured: _of_pairs(measured, signs=True),
)
REWARD_MARGIN = Metric(
    "eval_reward_margin",
    "max",
    "",
    ("reward", *_PREFERENCES),
    lambda measured: measured.ranking[1],
    parts=lambda measured: _of_pairs(measured, signs=False),
)
CHOSEN_REWARD = Metric("eval_chosen_reward", "max", "", _PREFERENCES, _mean("chosen"))
REJECTED_REWARD = Metric("eval_rejected_reward", "min", "", _PREFERENCES, _mean("rejected"))
KL = Metric(
    "eval_kl",
    "min",
    "nats",
    ("kto", *_POLICIES),
    lambda m: max(0.0, _mean("divergence")(m)),
    column="divergence",
)
REWARD = Metric("eval_reward", "max", "", _POLICIES)
REWARD_MODEL = Metric("eval_reward_model", "max", "", _POLICIES, needs="rl.reward_model")
HELD_OUT = Metric("eval_held_out", "max", "", _POLICIES, needs="rl.held_out")
