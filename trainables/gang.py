"""The workers of one slot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gang:
    """`workers` processes that train together, each with so many CPUs and GPUs."""

    workers: int
    cpus: float
    gpus: float
