"""ASHA (Li et al. 2020, arXiv:1810.05934): Ray Tune's, with our own rungs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from sweeps.early_stopping.rule import EarlyStopping, Goal
from trainables.core.frozen import PositiveInt

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


class Asha(EarlyStopping):
    """Keeps the best third at points n, 3n, 9n ..., where n is `grace_period`; unset, a ninth of
    the budget (docs/benchmarks.md, First rung).

    `recheck` is our own option: a trial is stopped at any later evaluation, too, once it is no
    longer among the best of the last rung that it passed (docs/benchmarks.md, Places at a rung).
    """

    name: ClassVar[str] = "asha"

    grace_period: PositiveInt | None = None
    reduction_factor: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 3
    brackets: PositiveInt = 1
    recheck: bool = True

    def first(self, evaluations: int) -> int:
        """The first point at which a trial may be stopped."""
        return math.ceil(evaluations / 9) if self.grace_period is None else self.grace_period

    def build(self, goal: Goal, evaluations: int) -> TrialScheduler:
        from sweeps.early_stopping.asha.rung_scheduler import RungScheduler

        return RungScheduler(
            **goal,
            max_t=evaluations,
            grace_period=self.first(evaluations),
            reduction_factor=self.reduction_factor,
            brackets=self.brackets,
            recheck=self.recheck,
        )


RULE = Asha()
