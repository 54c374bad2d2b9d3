"""What can be measured of a trial, and whether less or more of it is better. Light.

The only place that says so: an objective's new metric gets a line in MODES and one in METRICS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Mode = Literal["min", "max"]
"""Whether a smaller or a larger value of a metric is better."""

MODES: Mapping[str, Mode] = {
    "eval_loss": "min",
    "eval_perplexity": "min",
    "eval_token_accuracy": "max",
    "eval_general_loss": "min",
    "eval_general_change": "min",
    "eval_accuracy": "max",
    "eval_macro_precision": "max",
    "eval_macro_recall": "max",
    "eval_macro_f1": "max",
    "eval_reward_accuracy": "max",
    "eval_reward_margin": "max",
    "eval_chosen_reward": "max",
    "eval_rejected_reward": "min",
    "eval_kl": "min",
    "eval_cost": "min",
}
"""The direction of each metric."""

CLASS_METRIC = "eval_f1/"
"""How the name of a class's F1 begins, whose names are the data's; more of it is better."""

GENERAL = ("eval_general_loss", "eval_general_change")
"""Measured where `data.general` is set: the loss there, and by how much it is above the untouched
base's."""

_LANGUAGE = ("eval_loss", "eval_perplexity", "eval_token_accuracy")
_REWARDS = ("eval_loss", "eval_reward_accuracy", "eval_reward_margin")

METRICS: Mapping[str, tuple[str, ...]] = {
    "sft": (*_LANGUAGE, *GENERAL),
    "clm": (*_LANGUAGE, *GENERAL),
    "classification": (
        "eval_loss",
        "eval_accuracy",
        "eval_macro_precision",
        "eval_macro_recall",
        "eval_macro_f1",
    ),
    "reward": _REWARDS,
    "dpo": (*_REWARDS, "eval_chosen_reward", "eval_rejected_reward"),
    "kto": (*_REWARDS, "eval_chosen_reward", "eval_rejected_reward", "eval_kl"),
    "toy": ("eval_loss", "eval_cost"),
}
"""What each objective can be searched by, measured at each evaluation point; see
TrialConfig.metrics. Classification also gives each class's F1."""


class UnknownModeError(ValueError):
    """A metric whose direction nobody has declared; lists those that are known."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        super().__init__(
            f"whether less or more of {metric!r} is better is not known; say min or max; known: "
            f"{with_modes(MODES)}, {CLASS_METRIC}LABEL (max)"
        )


def declared_mode(metric: str) -> Mode:
    """The direction that is declared of a metric; UnknownModeError where none is."""
    if metric.startswith(CLASS_METRIC):
        return "max"
    if metric not in MODES:
        raise UnknownModeError(metric)
    return MODES[metric]


def with_modes(metrics: Iterable[str]) -> str:
    """`eval_loss (min), eval_accuracy (max)`."""
    return ", ".join(f"{name} ({MODES[name]})" if name in MODES else name for name in metrics)
