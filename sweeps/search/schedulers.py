"""Early stopping over evaluation points: Ray Tune's own schedulers, by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import (
    ASHAScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from results.records.record import TrialRecord
from sweeps.base.errors import OptionsError
from sweeps.spec.settings import SearchSettings


class RungScheduler(ASHAScheduler):
    """ASHA that enters a trial into a rung only with what it measured at that point.

    A trial with fewer steps than evaluations passes over some points. Ray would enter it into their
    rungs with its next measurement, after more training than the others had.
    """

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether the trial goes on."""
        verdict: str = TrialScheduler.CONTINUE
        if self._is_at_rung(result):
            verdict = super().on_trial_result(controller, trial, result)
        return verdict

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """The trial has ended with this result."""
        if self._is_at_rung(result):
            super().on_trial_complete(controller, trial, result)
        else:
            self.on_trial_remove(controller, trial)

    def _is_at_rung(self, result: Mapping[str, Any]) -> bool:
        """Whether it is the first point from a rung on; a reduction factor may be a fraction."""
        rungs = {math.ceil(rung) for bracket in self._brackets for rung, _ in bracket._rungs}
        return result.get(self._time_attr) in rungs


def make_scheduler(search: SearchSettings, evaluations: int) -> TrialScheduler:
    """The scheduler that `search.early_stopping` names. Its clock is the evaluation point, whose
    number is a share of a trial's budget, however few of them a trial has.

    ASHA (Li et al. 2020, arXiv:1810.05934) with reduction factor 3 keeps the best third at points
    n, 3n, 9n ..., where n is `first_point`; median (Golovin et al. 2017, Google Vizier) stops a
    trial that is worse than the running average of its peers' medians, from point n on.
    OptionsError names what does not suit, or repeats Ray's reason.
    """
    goal = {"metric": search.metric, "mode": search.direction, "time_attr": "point"}
    reserved = [name for name in search.early_stopping_options if name in (*goal, "max_t")]
    if reserved:
        raise OptionsError(
            f"search.early_stopping_options: {reserved[0]} is not free; search.metric, search.mode "
            "and budget.evaluations say it"
        )
    first = first_point(evaluations)
    defaults: Mapping[str, Mapping[str, Any]] = {
        "none": {},
        "asha": {**goal, "max_t": evaluations, "grace_period": first, "reduction_factor": 3},
        "median": {**goal, "grace_period": first, "min_samples_required": 3},
    }
    makers = {"none": FIFOScheduler, "asha": RungScheduler, "median": MedianStoppingRule}
    options = {**defaults[search.early_stopping], **search.early_stopping_options}
    try:
        return makers[search.early_stopping](**options)
    except (TypeError, ValueError, AssertionError) as error:
        raise OptionsError(
            f"search.early_stopping_options {dict(search.early_stopping_options)} does not suit "
            f"{search.early_stopping}: {error}"
        ) from error


def replay(
    scheduler: TrialScheduler, records: Iterable[TrialRecord], search: SearchSettings
) -> None:
    """Show a new scheduler the trials that have ended before, which it compares others with."""
    for record in records:
        trial = _Gone(f"before-{record.number}")
        for measured in record.measurements if record.status.ended else ():
            if math.isfinite(measured.metrics.get(search.metric, math.nan)):
                # As if each evaluation were the end: of an end, nothing is to be decided any more.
                scheduler.on_trial_add(None, trial)
                result = {"point": measured.point, **measured.metrics}
                scheduler.on_trial_complete(None, trial, result)


@dataclass(frozen=True)
class _Gone:
    """All that the schedulers ask of a trial which they cannot stop any more."""

    trial_id: str


def first_point(evaluations: int) -> int:
    """The first evaluation point at which a trial may be stopped: after a third of its budget.

    Earlier ones favour whatever learns quickly at first, such as high learning rates and schedules
    that decay early, and not what ends best.
    """
    return math.ceil(evaluations / 3)
