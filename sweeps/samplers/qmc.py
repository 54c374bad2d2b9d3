"""Optuna's low-discrepancy sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Qmc(Sampler):
    """A low-discrepancy sequence; fills the space evenly, independent of results."""

    name: ClassVar[str] = "qmc"
    conditions: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    draws_again: ClassVar[bool] = False  # each draw is the next of the sequence

    qmc_type: str = "sobol"
    scramble: bool = False
    warn_asynchronous_seeding: bool = True
    warn_independent_sampling: bool = True

    def build(self, seed: int) -> BaseSampler:
        return self.build_for_trial(seed, seed)

    def build_for_trial(self, seed: int, sweep_seed: int) -> BaseSampler:
        """All trials continue one sequence; names with a `when` are drawn apart from it."""
        from optuna.samplers import QMCSampler, RandomSampler

        return QMCSampler(
            seed=sweep_seed,
            independent_sampler=RandomSampler(seed=seed),
            qmc_type=self.qmc_type,
            scramble=self.scramble,
            warn_asynchronous_seeding=self.warn_asynchronous_seeding,
            warn_independent_sampling=self.warn_independent_sampling,
        )


SAMPLER = Qmc()
