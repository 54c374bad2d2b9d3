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
    GPU it is one slot with all cores, because a second one would only share them. With `max` it is
    so many, whether they fit by now or not: those that do not fit ask the cluster to grow.
    """
    if settings.max is not None:
        return _growing(settings, settings.max, trials)
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


def _growing(settings: SlotsSettings, most: int, trials: int) -> tuple[int, Gang]:
    if settings.gpus == "auto":
        raise CapacityError(
            "slots.gpus: a cluster that grows does not show how many GPUs its workers will have; "
            "set slots.gpus (1 is usual, 0 for CPUs) beside slots.max"
        )
    cpus = 1.0 if settings.cpus == "auto" else settings.cpus
    return min(most, trials), Gang(settings.workers, cpus, settings.gpus)


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
