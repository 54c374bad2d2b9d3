"""What a rule for early stopping tells of itself. Light: Ray is imported where it is built."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self, TypedDict

from trainables.core.frozen import Frozen
from trainables.metrics.metric import Mode

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


RESERVED = ("metric", "mode", "time_attr", "max_t")
"""Options of Ray's schedulers that the spec says in other places."""


class Goal(TypedDict):
    """What every rule is told: the metric, and that its clock is the evaluation point."""

    metric: str
    mode: Mode
    time_attr: str


class EarlyStopping(Frozen):
    """One way to stop unpromising trials. The registry finds an instance in each file of this room.

    Its fields are the options that `search.early_stopping_options` may set, with their defaults.
    """

    name: ClassVar[str]
    """What `search.early_stopping` calls it."""

    stops: ClassVar[bool] = True
    """Whether it compares unfinished trials, by the one metric, and stops some."""

    def with_options(self, options: Mapping[str, object]) -> Self:
        """A copy with these options; pydantic.ValidationError on nonsense."""
        return self.model_validate(options)

    @abstractmethod
    def build(self, goal: Goal, evaluations: int) -> TrialScheduler:
        """Ray Tune's scheduler, for trials with so many evaluation points."""


def first_point(evaluations: int) -> int:
    """The first evaluation point at which a trial may be stopped: after a third of its budget.

    Earlier ones favour whatever learns quickly at first, such as high learning rates and schedules
    that decay early, and not what ends best.
    """
    return math.ceil(evaluations / 3)
