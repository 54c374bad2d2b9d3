"""All metrics, by name, and whether less or more of each is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trainables.core.discovery import found_in
from trainables.metrics.classes import CLASS_METRIC
from trainables.metrics.metric import Measured, Metric, Mode

_FOUND = found_in("trainables.metrics", Metric)

METRICS: Mapping[str, Metric] = {"eval_loss": _FOUND.pop("eval_loss"), **_FOUND}
"""The loss first, since it is what all of them have."""

GENERAL = tuple(name for name, metric in METRICS.items() if metric.needs == "data.general")
"""Measured on `data.general`, beside the validation set."""


class UnknownModeError(ValueError):
    """A metric whose direction nobody has declared; lists those that are known."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        super().__init__(
            f"whether less or more of {metric!r} is better is not known; say min or max; known: "
            f"{with_modes(METRICS)}, {CLASS_METRIC}LABEL (max)"
        )


def metrics_of(objective: str) -> tuple[str, ...]:
    """What can be measured of trials of an objective; classification also gives each class's F1."""
    return tuple(name for name, metric in METRICS.items() if objective in metric.objectives)


def computed(objective: str, measured: Measured) -> dict[str, float]:
    """The metrics of an objective that are computed of what it has measured."""
    mine = {name: METRICS[name].value for name in metrics_of(objective)}
    return {name: value(measured) for name, value in mine.items() if value}


def declared_mode(metric: str) -> Mode:
    """The direction that is declared of a metric; UnknownModeError where none is."""
    if metric.startswith(CLASS_METRIC):
        return "max"
    if metric not in METRICS:
        raise UnknownModeError(metric)
    return METRICS[metric].mode


def with_modes(metrics: Iterable[str]) -> str:
    """`eval_loss (min), eval_accuracy (max)`."""
    return ", ".join(f"{m} ({METRICS[m].mode})" if m in METRICS else m for m in metrics)
