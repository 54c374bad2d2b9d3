"""A cap on GPU-hours of slots without GPUs, which would never be spent. Pure."""

from __future__ import annotations

from sweeps.base.errors import LaunchError
from sweeps.spec.spec import SweepSpec
from trainables.slots.slot_size import SlotSize


def refuse_without_gpus(spec: SweepSpec, size: SlotSize) -> None:
    """LaunchError if GPU-hours are capped and no slot holds a GPU, so that none are ever spent."""
    if spec.caps.gpu_hours is not None and not size.gpus:
        raise LaunchError("budget.gpu_hours: there are no GPUs for the slots; set budget.hours")
