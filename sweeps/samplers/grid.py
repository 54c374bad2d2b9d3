"""Grid search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Grid(Sampler):
    """Every combination once. Points are queued, with conditions; Optuna's sampler is unused."""

    name: ClassVar[str] = "grid"
    learns: ClassVar[bool] = False
    finite: ClassVar[bool] = True
    draws_again: ClassVar[bool] = False

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)

    def points(self, space: Space) -> Sequence[Mapping[str, Value]]:
        return space.grid()


SAMPLER = Grid()
