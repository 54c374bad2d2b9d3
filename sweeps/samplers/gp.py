"""Optuna's Gaussian process."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Gp(Sampler):
    """A Gaussian process; the slowest sampler per suggestion."""

    name: ClassVar[str] = "gp"
    learns_from_others: ClassVar[bool] = True
    conditions: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("scipy", "torch")

    n_startup_trials: int = 10
    deterministic_objective: bool = False
    warn_independent_sampling: bool = True

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(
            seed=seed,
            n_startup_trials=self.n_startup_trials,
            deterministic_objective=self.deterministic_objective,
            warn_independent_sampling=self.warn_independent_sampling,
        )


SAMPLER = Gp()
