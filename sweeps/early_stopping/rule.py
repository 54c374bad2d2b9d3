"""The interface of a rule for early stopping. Light: Ray is imported in `build`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self, TypedDict

from trainables.core.frozen import Frozen
from trainables.metrics.metric import Mode

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


RESERVED = ("metric", "mode", "time_attr", "max_t")
"""Options of Ray's schedulers that come from other fields of the spec."""


class Goal(TypedDict):
    """The metric of every rule, with the evaluation point as the clock."""

    metric: str
    mode: Mode
    time_attr: str


class EarlyStopping(Frozen):
    """One way to stop unpromising trials. The registry finds an instance in each file of this room.

    Its fields are the options in `search.early_stopping_options`, with their defaults.
    """

    name: ClassVar[str]
    """Its name in `search.early_stopping`."""

    stops: ClassVar[bool] = True
    """Whether it stops unfinished trials, compared by the single metric."""

    def with_options(self, options: Mapping[str, object]) -> Self:
        """A copy with these options; pydantic.ValidationError on invalid ones."""
        return self.model_validate(options)

    @abstractmethod
    def first(self, evaluations: int) -> float:
        """The first of so many evaluation points at which a trial may be stopped."""

    @abstractmethod
    def build(self, goal: Goal, evaluations: int) -> TrialScheduler:
        """Ray Tune's scheduler, for trials with this many evaluation points."""
