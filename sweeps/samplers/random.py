"""Optuna's independent draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Random(Sampler):
    """Independent draws; learns nothing, the baseline of the others."""

    name: ClassVar[str] = "random"
    learns: ClassVar[bool] = False

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)


SAMPLER = Random()
