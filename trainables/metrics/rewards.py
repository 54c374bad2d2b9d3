"""Separation of better from worse answers by rewards, and divergence from the reference."""

from __future__ import annotations

from collections.abc import Callable

from trainables.metrics.metric import Measured, Metric

_PREFERENCES = ("dpo", "orpo", "simpo", "kto")


def _mean(column: str) -> Callable[[Measured], float]:
    """Mean of a column; 0 if it is empty."""

    def mean(measured: Measured) -> float:
        values = measured.columns[column]
        return float(values.mean()) if values.size else 0.0

    return mean


REWARD_ACCURACY = Metric(
    "eval_reward_accuracy",
    "max",
    "share",
    ("reward", *_PREFERENCES),
    lambda measured: measured.ranking[0],
)
REWARD_MARGIN = Metric(
    "eval_reward_margin",
    "max",
    "",
    ("reward", *_PREFERENCES),
    lambda measured: measured.ranking[1],
)
CHOSEN_REWARD = Metric("eval_chosen_reward", "max", "", _PREFERENCES, _mean("chosen"))
REJECTED_REWARD = Metric("eval_rejected_reward", "min", "", _PREFERENCES, _mean("rejected"))
KL = Metric("eval_kl", "min", "nats", ("kto",), lambda m: max(0.0, _mean("divergence")(m)))
