"""Metrics of labels and of targets, which are known only once the data are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_spaces.problem import did_you_mean
from sweeps.base.errors import SweepError
from sweeps.spec.spec import SweepSpec
from trainables.metrics.classes import CLASS_METRIC, f1_names
from trainables.metrics.formula import parts_of
from trainables.metrics.registry import described, metrics_of
from trainables.training.inputs import Prepared


def check_class_metrics(spec: SweepSpec, prepared: Prepared) -> None:
    """SweepError for a metric of a label that is not in the data, or of another target."""
    inputs = prepared.inputs
    if inputs.target is None:
        return
    known = metrics_of(spec.trial.objective, inputs.target)
    names = dict(zip(inputs.labels, f1_names(inputs.labels), strict=False))
    each = {} if inputs.target == "regression" else names
    for goal in spec.search.goals:
        for name in parts_of(goal):
            if name not in (*known, *each.values()):
                place = f"search.metrics.{goal}" if spec.search.metrics else "search.metric"
                raise SweepError(f"{place}: {name} is not measured; {_way_out(name, known, each)}")


def _way_out(name: str, known: Sequence[str], each: Mapping[str, str]) -> str:
    """The metrics of all labels for one of a label; else the nearest metric, or all."""
    if not name.startswith(CLASS_METRIC):
        return did_you_mean(name, known)
    if not each:
        return f"there is {described(known)}"
    named = f"label -> metric: {'; '.join(f'{label} -> {own}' for label, own in each.items())}"
    return f"{named}. In a formula each is in quotes: '{next(iter(each.values()))}'"
