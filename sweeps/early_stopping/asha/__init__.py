"""ASHA (Li et al. 2020, arXiv:1810.05934): Ray Tune's, with our own rungs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.early_stopping.rule import EarlyStopping, Goal, first_point

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


class Asha(EarlyStopping):
    """Keeps the best third at points n, 3n, 9n ..., where n is `grace_period`; unset, a third of
    the budget."""

    name: ClassVar[str] = "asha"

    grace_period: int | None = None
    reduction_factor: float = 3
    brackets: int = 1
    stop_last_trials: bool = True

    def build(self, goal: Goal, evaluations: int) -> TrialScheduler:
        from sweeps.early_stopping.asha.rung_scheduler import RungScheduler

        first = first_point(evaluations) if self.grace_period is None else self.grace_period
        return RungScheduler(
            **goal,
            max_t=evaluations,
            grace_period=first,
            reduction_factor=self.reduction_factor,
            brackets=self.brackets,
            stop_last_trials=self.stop_last_trials,
        )


RULE = Asha()
