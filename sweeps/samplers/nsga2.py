"""Optuna's NSGA-II, a genetic algorithm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Nsga2(Sampler):
    """NSGA-II; breeds from earlier random draws."""

    name: ClassVar[str] = "nsga2"
    conditions: ClassVar[bool] = False

    population_size: int = 50
    mutation_prob: float | None = None
    crossover_prob: float = 0.9
    swapping_prob: float = 0.5

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(
            seed=seed,
            population_size=self.population_size,
            mutation_prob=self.mutation_prob,
            crossover_prob=self.crossover_prob,
            swapping_prob=self.swapping_prob,
        )

    def notes(self, trials: int) -> Iterable[str]:
        if trials <= 2 * self.population_size:
            yield (
                f"nsga2 draws its first {self.population_size} trials at random, which leaves "
                f"{trials} trials little to learn from: lower "
                "search.sampler_options.population_size, or use tpe."
            )


SAMPLER = Nsga2()
