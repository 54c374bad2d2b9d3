"""Agreement among the ranks that train one trial together; trivial for a single process.

Imports no torch: a sweep's driver, which shares code with its slots, has none.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def rank() -> int:
    """This process's rank; 0 without others."""
    dist = _several()
    return int(dist.get_rank()) if dist else 0


def world_size() -> int:
    """The number of processes that train together."""
    dist = _several()
    return int(dist.get_world_size()) if dist else 1


def _several() -> ModuleType | None:
    """torch.distributed if it joins several processes, which it does not unless imported."""
    dist = sys.modules.get("torch.distributed")
    joined = dist is not None and dist.is_initialized() and dist.get_world_size() > 1
    return dist if joined else None


def leads_node() -> bool:
    """Whether it is the first rank on its node, which does the work needed once per node."""
    return world_size() == 1 or int(os.environ.get("LOCAL_RANK", "0")) == 0


def from_rank_zero(value: T | None) -> T:
    """Rank 0's value on every rank; the other ranks' arguments are ignored."""
    dist = _several()
    if dist is None:
        assert value is not None
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    received = box[0]
    assert received is not None
    return received


def from_any_rank(value: T | None) -> T | None:
    """The value of the first rank that has one, on every rank; None if none has."""
    return next((each for each in from_every_rank(value) if each is not None), None)


def from_every_rank(value: T) -> list[T]:
    """All ranks' values, in order, on every rank."""
    dist = _several()
    if dist is None:
        return [value]
    values = [value] * world_size()
    dist.all_gather_object(values, value)
    return values


def any_rank(*flags: bool, device: torch.device) -> tuple[bool, ...]:
    """For each flag, whether it is set on any rank. Every rank must call this at the same step.

    It waits for the device; signals after each step of a trial go through signals.py.
    """
    if world_size() == 1:
        return flags
    import torch

    tensor = max_over_ranks(torch.tensor([float(flag) for flag in flags], device=device))
    return tuple(value > 0 for value in tensor.tolist())


def max_over_ranks(tensor: torch.Tensor) -> torch.Tensor:
    """The element-wise maximum over all ranks, in place."""
    if dist := _several():
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return tensor


def barrier() -> None:
    """Wait until every rank has called this."""
    if dist := _several():
        dist.barrier()


def sum_over_ranks(tensor: torch.Tensor) -> torch.Tensor:
    """The element-wise sum over all ranks, in place."""
    if dist := _several():
        dist.all_reduce(tensor)
    return tensor
