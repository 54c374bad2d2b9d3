"""The workers of one slot, and how it looks after its trials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.slots.depot import Depot


@dataclass(frozen=True)
class Gang:
    """`workers` processes that train together, each with so many CPUs and GPUs."""

    workers: int
    cpus: float
    gpus: float

    def __str__(self) -> str:
        plural = "s" if self.workers > 1 else ""
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.workers} worker{plural} with {self.cpus:g} CPU{gpus}"


@dataclass(frozen=True)
class Care:
    """How a slot looks after a trial: a checkpoint every so many seconds of training, and an end
    to a process in which nothing has moved for so many seconds (None: never). Where nodes share no
    folder, all goes through a `depot`."""

    checkpoint_seconds: float = 300.0
    trial_timeout: float | None = None
    depot: Depot | None = None

    @property
    def hangs_after(self) -> float | None:
        """Seconds after which nothing can be waited for any more, not even for storage."""
        if self.trial_timeout is None or self.depot is None:
            return self.trial_timeout
        return self.trial_timeout + self.depot.sweep.patience

    def of(self, slot: str) -> Care:
        """As this slot takes it."""
        return replace(self, depot=self.depot.of(slot)) if self.depot else self
