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
    one_sequence: ClassVar[bool] = True

    qmc_type: str = "sobol"
    scramble: bool = False
    warn_asynchronous_seeding: bool = True
    warn_independent_sampling: bool = True

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import QMCSampler

        return QMCSampler(
            seed=seed,
            qmc_type=self.qmc_type,
            scramble=self.scramble,
            warn_asynchronous_seeding=self.warn_asynchronous_seeding,
            warn_independent_sampling=self.warn_independent_sampling,
        )


SAMPLER = Qmc()
