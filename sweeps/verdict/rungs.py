"""The evaluation points at which early stopping compares trials."""

from __future__ import annotations

import math

from sweeps.early_stopping.asha import Asha
from sweeps.early_stopping.median import Median
from sweeps.early_stopping.rule import EarlyStopping
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results


def rungs(results: Results) -> list[int]:
    """ASHA's points, or those from which the median rule stops; empty without early stopping."""
    if results.spec is None:
        return []
    rule, evaluations = _rule(results.spec), results.spec.trial.budget.evaluations
    if isinstance(rule, Median):
        return [point for point in range(1, evaluations) if point >= rule.first(evaluations)]
    return rungs_of(rule, evaluations) if isinstance(rule, Asha) else []


def keeps_comparing(results: Results) -> bool:
    """Whether a trial is compared with those of its last rung at each later evaluation, too."""
    rule = _rule(results.spec) if results.spec else None
    return isinstance(rule, Asha) and rule.recheck


def _rule(spec: SweepSpec) -> EarlyStopping:
    return spec.search.early_stopping_kind.with_options(spec.search.early_stopping_options)


def rungs_of(rule: Asha, evaluations: int) -> list[int]:
    """n, 3n, 9n ... below the last point, for the default reduction factor; between two points, the
    next one (see rung_scheduler.py)."""
    rung = float(rule.first(evaluations))
    found: dict[int, None] = {}
    while (point := math.ceil(rung)) < evaluations:
        found[point] = None
        rung *= rule.reduction_factor
    return list(found)
