"""A sweep's scheduler for Ray Tune, which stops trials early, by evaluation points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from results.records.record import TrialRecord
from sweeps.base.errors import OptionsError
from sweeps.early_stopping.rule import Goal
from sweeps.spec.settings import SearchSettings

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


def make_scheduler(search: SearchSettings, evaluations: int) -> TrialScheduler:
    """The scheduler of `search.early_stopping`. Its clock is the evaluation point, whose number
    is a share of a trial's budget.

    OptionsError repeats Ray's reason.
    """
    goal = Goal(metric=search.metric, mode=search.direction, time_attr="point")
    try:
        rule = search.early_stopping_kind.with_options(search.early_stopping_options)
        return rule.build(goal, evaluations)
    except (TypeError, ValueError, AssertionError) as error:
        raise OptionsError(
            f"search.early_stopping_options {dict(search.early_stopping_options)} are not valid "
            f"for {search.early_stopping}: {error}"
        ) from error


def replay(
    scheduler: TrialScheduler, records: Iterable[TrialRecord], search: SearchSettings
) -> None:
    """Show earlier ended trials to a new scheduler, for its comparisons."""
    for record in records:
        trial = _Gone(f"before-{record.number}", {"trial": record.number})
        shared = record.branch.steps if record.branch else 0
        for measured in record.measurements if record.status.ended else ():
            value = measured.compared.get(search.metric, math.nan)
            if measured.step > shared and math.isfinite(value):
                # Each evaluation is replayed as an end, since an end needs no decision.
                scheduler.on_trial_add(None, trial)
                result = {"point": measured.point, **measured.compared}
                scheduler.on_trial_complete(None, trial, result)


@dataclass(frozen=True)
class _Gone:
    """The fields that schedulers read of a trial that has ended."""

    trial_id: str
    config: Mapping[str, object] = field(default_factory=dict, compare=False)
