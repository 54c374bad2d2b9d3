"""Independent draws, Optuna's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Random(Sampler):
    """Learns nothing: what others are measured by."""

    name: ClassVar[str] = "random"
    learns: ClassVar[bool] = False

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)


SAMPLER = Random()
