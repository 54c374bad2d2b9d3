"""A slot's number of workers, and the resources of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SlotSize:
    """`workers` processes that train together, each with this many CPUs and GPUs."""

    workers: int
    cpus: float
    gpus: float

    def __str__(self) -> str:
        plural = "s" if self.workers > 1 else ""
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.workers} worker{plural} with {self.cpus:g} CPU{gpus}"
