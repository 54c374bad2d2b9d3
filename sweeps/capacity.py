"""How many slots of which size a machine or a cluster holds. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.errors import CapacityError
from sweeps.settings import SlotsSettings
from trainables.gang import Gang

MOST_CPUS_PER_GPU = 8
"""More cores than this do not make a worker with a GPU any faster."""


def plan_slots(
    settings: SlotsSettings, resources: Mapping[str, float], trials: int
) -> tuple[int, Gang]:
    """(number of slots, the gang of each) for these "CPU" and "GPU" totals.

    `auto` takes one GPU for each worker where there are any, and as many slots as fit. Without a
    GPU it is one slot with all cores, because a second one would only share them.
    """
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    gpus_each = (1.0 if gpus >= 1 else 0.0) if settings.gpus == "auto" else settings.gpus
    count = _count(settings, gpus, gpus_each, trials)
    cpus_each = _cpus_each(settings, cpus, count, gpus_each)
    gang = Gang(settings.workers, cpus_each, gpus_each)
    workers = count * settings.workers
    if workers * gpus_each > gpus + 1e-9 or workers * cpus_each > cpus + 1e-9:
        raise CapacityError(
            f"slots: {count} of {settings.workers} workers need {workers * gpus_each:g} GPUs and "
            f"{workers * cpus_each:g} CPUs, and there are {gpus:g} and {cpus:g}; "
            f"lower slots.count, slots.workers, slots.gpus or slots.cpus"
        )
    return count, gang


def _count(settings: SlotsSettings, gpus: float, gpus_each: float, trials: int) -> int:
    if settings.count != "auto":
        return min(settings.count, trials)
    if not gpus_each:
        return 1
    return max(1, min(trials, int(gpus / (gpus_each * settings.workers) + 1e-9)))


def _cpus_each(settings: SlotsSettings, cpus: float, count: int, gpus_each: float) -> float:
    if settings.cpus != "auto":
        return settings.cpus
    share = max(1, int(cpus // (count * settings.workers)))
    return float(min(share, MOST_CPUS_PER_GPU) if gpus_each else share)
