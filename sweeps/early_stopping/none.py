"""No early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.early_stopping.rule import EarlyStopping, Goal

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


class NoStopping(EarlyStopping):
    """Gives every trial its whole budget."""

    name: ClassVar[str] = "none"
    stops: ClassVar[bool] = False

    def first(self, evaluations: int) -> float:
        """The last one, where every trial ends."""
        return evaluations

    def build(self, goal: Goal, evaluations: int) -> TrialScheduler:
        from ray.tune.schedulers import FIFOScheduler

        return FIFOScheduler()


RULE = NoStopping()
