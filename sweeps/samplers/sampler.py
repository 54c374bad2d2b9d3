"""What a sampler tells of itself. Light: the library that draws is imported where it is built."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from search_spaces.space import Space
from search_spaces.values import Value
from trainables.core.frozen import Frozen

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Sampler(Frozen):
    """One way to choose the next trial. The registry finds an instance in each file of this room.

    Its fields are the options that `search.sampler_options` may set, with their defaults; its class
    variables say what it can do. What a spec is told or refused follows from them.
    """

    name: ClassVar[str]
    """What `search.sampler` calls it."""

    several_metrics: ClassVar[bool] = True
    """Whether it can search by several metrics."""

    conditions: ClassVar[bool] = True
    """Whether it learns about parameters with a `when`; if not, they are drawn at random."""

    choices: ClassVar[bool] = True
    """Whether it learns about choices; if not, they are drawn at random."""

    learns: ClassVar[bool] = True
    """Whether what it draws depends on how earlier trials did."""

    one_sequence: ClassVar[bool] = False
    """Whether its draws are places in one sequence, which has the sweep's seed for all trials."""

    finite: ClassVar[bool] = False
    """Whether it comes to an end by itself, after `points`."""

    packages: ClassVar[tuple[str, ...]] = ()
    """What must be installed beside Optuna for it to draw."""

    def with_options(self, options: Mapping[str, object]) -> Self:
        """A copy with these options; pydantic.ValidationError on nonsense."""
        return self.model_validate(options)

    @abstractmethod
    def build(self, seed: int) -> BaseSampler:
        """Optuna's sampler, or another library's that does as one."""

    def points(self, space: Space) -> Sequence[Mapping[str, Value]]:
        """Every point that a finite sampler tries; SpaceError where there is no end of them."""
        raise NotImplementedError(f"{self.name} draws its points")

    def notes(self, trials: int) -> Iterable[str]:
        """What a user of a sweep with so many trials should know."""
        return ()
