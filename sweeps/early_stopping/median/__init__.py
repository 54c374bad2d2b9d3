"""The median stopping rule (Golovin et al. 2017, Google Vizier) of Ray Tune."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from sweeps.early_stopping.rule import EarlyStopping, Goal
from trainables.core.frozen import NonNegative, PositiveInt

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


class Median(EarlyStopping):
    """Stops a trial that is worse than the median of its peers' running averages.

    `grace_period` is the earliest point for it; unset, after a third of the budget. Ray's options
    for pausing trials are none of ours: a slot trains a trial to its end, or drops it.
    """

    name: ClassVar[str] = "median"

    grace_period: NonNegative | None = None
    min_samples_required: PositiveInt = 3

    def first(self, evaluations: int) -> float:
        """The first point at which a trial may be stopped."""
        return math.ceil(evaluations / 3) if self.grace_period is None else self.grace_period

    def build(self, goal: Goal, evaluations: int) -> TrialScheduler:
        from sweeps.early_stopping.median.median_scheduler import MedianScheduler

        return MedianScheduler(
            **goal,
            grace_period=self.first(evaluations),
            min_samples_required=self.min_samples_required,
        )


RULE = Median()
