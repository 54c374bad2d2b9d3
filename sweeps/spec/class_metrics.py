"""Metrics of a single class, which are known only once the data are read."""

from __future__ import annotations

from search_spaces.problem import did_you_mean
from sweeps.base.errors import SweepError
from sweeps.spec.spec import SweepSpec
from trainables.metrics.classes import CLASS_METRIC, f1_names
from trainables.training.inputs import Prepared


def check_class_metrics(spec: SweepSpec, prepared: Prepared) -> None:
    """SweepError for a metric of a class that is not in the data."""
    asked = [name for name in spec.search.goals if name.startswith(CLASS_METRIC)]
    if not asked:
        return
    known = (*spec.trial.metrics, *f1_names(prepared.inputs.labels))
    for name in asked:
        if name not in known:
            place = f"search.metrics.{name}" if spec.search.metrics else "search.metric"
            raise SweepError(f"{place}: {name} is not measured; {did_you_mean(name, known)}")
