"""The number and size of the slots that fit a machine or a cluster. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sweeps.base.errors import CapacityError
from sweeps.spec.settings import SlotsSettings
from trainables.slots.slot_size import SlotSize

MOST_CPUS_PER_GPU = 8
"""Useful cores of a worker with a GPU; more do not make it faster."""

Rooms = Sequence[Mapping[str, float]]
"""The "CPU" and "GPU" counts of each node; a worker runs on a single node."""


def most_slots(settings: SlotsSettings, trials: int | None) -> tuple[int, str]:
    """The maximum number of slots of a sweep on any machine, and the field that sets it.

    `trials` is None if unknown."""
    limits = {"slots": 10**9} if trials is None else {"budget.trials": trials}
    if settings.max is not None:
        limits["slots.max"] = settings.max
    elif settings.count != "auto":
        limits["slots.count"] = settings.count
    elif settings.gpus == 0:
        limits["slots.count (auto is one slot without GPUs)"] = 1
    field = min(limits, key=lambda name: limits[name])
    return limits[field], field


def plan_slots(
    settings: SlotsSettings, nodes: Rooms, trials: int, grows: bool = True
) -> tuple[int, SlotSize]:
    """(number of slots, the size of each) on these nodes; CapacityError if they do not fit.

    With GPUs, `auto` means one for each worker, and as many slots as fit. Without GPUs it means one
    slot with all cores, because a second one would only share them. `max` slots are planned even if
    they do not fit yet: the rest make the cluster grow. Unless it `grows`, at least `slots.min` of
    them must fit.
    """
    if settings.max is not None:
        count, size = _growing(settings, settings.max, trials)
        if not grows:
            _refuse_if_too_small(settings, nodes, size)
    else:
        count, size = _fitting(settings, nodes, trials)
    if settings.min > count:
        raise CapacityError(
            f"slots.min: {settings.min} slots must start before the first trial, but only {count} "
            f"of {size} fit here; lower slots.min, slots.workers or slots.gpus, or set slots.count"
        )
    return count, size


def _fitting(settings: SlotsSettings, nodes: Rooms, trials: int) -> tuple[int, SlotSize]:
    cpus, gpus = (sum(node.get(kind, 0.0) for node in nodes) for kind in ("CPU", "GPU"))
    gpus_each = (1.0 if gpus >= 1 else 0.0) if settings.gpus == "auto" else settings.gpus
    count = _count(settings, nodes, gpus_each, trials)
    workers = count * settings.workers
    size = SlotSize(settings.workers, _cpus_each(settings, nodes, workers, gpus_each), gpus_each)
    room = _room(nodes, size.cpus, gpus_each)
    if room < workers:
        where = f" on {len(nodes)} nodes, with room for {room} workers" if len(nodes) > 1 else ""
        raise CapacityError(
            f"slots: {count} of {settings.workers} workers need {workers * gpus_each:g} GPUs and "
            f"{workers * size.cpus:g} CPUs, but there are {gpus:g} and {cpus:g}{where}; "
            f"lower slots.count, slots.workers, slots.gpus or slots.cpus"
        )
    return count, size


def _growing(settings: SlotsSettings, most: int, trials: int) -> tuple[int, SlotSize]:
    assert settings.gpus != "auto", "slots.max requires a number of GPUs"
    cpus = 1.0 if settings.cpus == "auto" else settings.cpus
    return min(most, trials), SlotSize(settings.workers, cpus, settings.gpus)


def _refuse_if_too_small(settings: SlotsSettings, nodes: Rooms, size: SlotSize) -> None:
    room = _room(nodes, size.cpus, size.gpus) // size.workers
    if room < settings.min:
        raise CapacityError(
            f"slots: this machine has room for {room} of {size}, but {settings.min} must start "
            "before the first trial (slots.min); name a cluster with --address, or lower "
            "slots.min, slots.workers, slots.gpus or slots.cpus"
        )


def _count(settings: SlotsSettings, nodes: Rooms, gpus_each: float, trials: int) -> int:
    if settings.count != "auto":
        return min(settings.count, trials)
    if not gpus_each:
        return 1
    return max(1, min(trials, _on_gpus(nodes, gpus_each) // settings.workers))


def _cpus_each(settings: SlotsSettings, nodes: Rooms, workers: int, gpus_each: float) -> float:
    """Cores per worker; for `auto` an equal share, or less if nodes do not divide evenly."""
    if settings.cpus != "auto":
        return settings.cpus
    share = max(1, int(sum(node.get("CPU", 0.0) for node in nodes) // workers))
    most = min(share, MOST_CPUS_PER_GPU) if gpus_each else share
    fitting = (cpus for cpus in range(most, 0, -1) if _room(nodes, cpus, gpus_each) >= workers)
    return float(next(fitting, 1))


def _room(nodes: Rooms, cpus: float, gpus: float) -> int:
    """The number of workers of that size that fit the nodes."""
    return sum(min(_whole(node.get("CPU", 0.0) / cpus), _gpu_room(node, gpus)) for node in nodes)


def _on_gpus(nodes: Rooms, gpus: float) -> int:
    """The number of workers that fit the nodes' GPUs."""
    return sum(_gpu_room(node, gpus) for node in nodes)


def _gpu_room(node: Mapping[str, float], gpus: float) -> int:
    """Number of workers that fit a node's GPUs; a fraction must come from a single GPU."""
    return int(node.get("GPU", 0.0)) * _whole(1 / gpus) if gpus else 10**9


def _whole(share: float) -> int:
    return int(share + 1e-9)
