"""All metrics, by name, and their directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trainables.core.discovery import found_in
from trainables.metrics.classes import CLASS_METRIC
from trainables.metrics.formula import is_formula, parsed
from trainables.metrics.metric import Measured, Metric, Mode
from trainables.metrics.written import WrittenMetric

_FOUND = found_in("trainables.metrics", Metric)

METRICS: Mapping[str, Metric] = {"eval_loss": _FOUND.pop("eval_loss"), **_FOUND}
"""The loss comes first, since all objectives have it."""

GENERAL = tuple(name for name, metric in METRICS.items() if metric.needs == "data.general")
"""Measured on `data.general`, beside the validation set."""

GENERATED: Mapping[str, WrittenMetric] = {
    name: metric for name, metric in METRICS.items() if isinstance(metric, WrittenMetric)
}
"""Measured on answers that the model generates."""


class UnknownModeError(ValueError):
    """A metric without a declared direction; the message lists the known ones."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        super().__init__(
            f"{metric!r} has no known direction; set its mode to min or max; known: "
            f"{described(METRICS)}, {CLASS_METRIC}LABEL (max)"
        )


def metrics_of(objective: str, target: str | None = None) -> tuple[str, ...]:
    """Metrics of an objective's trials; classification also gives each label's F1.

    Without a `target` of classification, those of all its targets.
    """
    return tuple(
        name
        for name, metric in METRICS.items()
        if objective in metric.objectives
        and (target is None or not metric.targets or target in metric.targets)
    )


def computed(objective: str, measured: Measured, target: str | None = None) -> dict[str, float]:
    """Values of an objective's metrics, computed from its measurements."""
    mine = [METRICS[name] for name in metrics_of(objective, target)]
    given = (None, *measured.columns)
    return {each.name: each.value(measured) for each in mine if each.value and each.column in given}


def declared_mode(metric: str) -> Mode:
    """The declared direction of a metric, or of a formula by its signs; UnknownModeError or
    FormulaError if it has none."""
    if is_formula(metric):
        return parsed(metric).direction(declared_mode)
    if metric.startswith(CLASS_METRIC):
        return "max"
    if metric not in METRICS:
        raise UnknownModeError(metric)
    return METRICS[metric].mode


def described(metrics: Iterable[str]) -> str:
    """Names with direction and unit: `eval_loss (min, nats), eval_accuracy (max, share)`."""
    return ", ".join(_described(METRICS[name]) if name in METRICS else name for name in metrics)


def _described(metric: Metric) -> str:
    return f"{metric.name} ({', '.join(filter(None, (metric.mode, metric.unit)))})"
