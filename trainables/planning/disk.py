"""The disk space of a trial's checkpoint and of its weights, in closed form. Pure and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.planning.estimate import Estimate


@dataclass(frozen=True)
class DiskNeed:
    """Bytes of one checkpoint of a trial, and of the weights of its best evaluation."""

    checkpoint: int
    weights: int


def disk_need(estimate: Estimate, workers: int) -> DiskNeed:
    """What trains, and for a checkpoint the optimizer's state with it, of all workers; the frozen
    base is in neither."""
    states = estimate.states
    weights = sum(each.bytes for each in estimate.inventory.trained)
    return DiskNeed(weights + states.stepped * (workers if states.shared else 1), weights)
