"""The interface of a sampler. Light: its library is imported in `build`."""

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

    Its fields are the options in `search.sampler_options`, with their defaults. Its class variables
    are its abilities, from which checks and notes on a spec follow.
    """

    name: ClassVar[str]
    """Its name in `search.sampler`."""

    several_metrics: ClassVar[bool] = True
    """Whether it can search by several metrics."""

    conditions: ClassVar[bool] = True
    """Whether it learns about parameters with a `when`; if not, they are drawn at random."""

    choices: ClassVar[bool] = True
    """Whether it learns about choices; if not, they are drawn at random."""

    learns: ClassVar[bool] = True
    """Whether its draws depend on the results of earlier trials."""

    learns_from_others: ClassVar[bool] = False
    """Whether it learns from trials that it has not drawn, such as those of an earlier sweep."""

    finite: ClassVar[bool] = False
    """Whether it ends by itself, after `points`."""

    draws_again: ClassVar[bool] = True
    """Whether it draws another point for a trial with another seed, of which nothing is kept."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Packages that it needs besides Optuna."""

    def with_options(self, options: Mapping[str, object]) -> Self:
        """A copy with these options; pydantic.ValidationError on invalid ones."""
        return self.model_validate(options)

    @abstractmethod
    def build(self, seed: int) -> BaseSampler:
        """Optuna's sampler, or another library's with the same interface."""

    def build_for_trial(self, seed: int, sweep_seed: int) -> BaseSampler:
        """The sampler of one trial, by the trial's own seed and, for a sampler whose draws are from
        one sequence, the sweep's."""
        return self.build(seed)

    def points(self, space: Space) -> Sequence[Mapping[str, Value]]:
        """All points of a finite sampler; SpaceError if they are infinite."""
        raise NotImplementedError(f"{self.name} draws its points")

    def notes(self, trials: int) -> Iterable[str]:
        """Notes for the user of a sweep with this many trials."""
        return ()
