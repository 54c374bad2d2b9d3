"""Agreement among the ranks that train one trial together; trivial for a single process."""

from __future__ import annotations

import os
from typing import TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


def rank() -> int:
    """This process's rank; 0 without a process group."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """The number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def leads_node() -> bool:
    """Whether it is the first rank on its node, which does the work needed once per node."""
    return world_size() == 1 or int(os.environ.get("LOCAL_RANK", "0")) == 0


def from_rank_zero(value: T | None) -> T:
    """Rank 0's value on every rank; the other ranks' arguments are ignored."""
    if world_size() == 1:
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
    if world_size() == 1:
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
    tensor = max_over_ranks(torch.tensor([float(flag) for flag in flags], device=device))
    return tuple(value > 0 for value in tensor.tolist())


def max_over_ranks(tensor: torch.Tensor) -> torch.Tensor:
    """The element-wise maximum over all ranks, in place."""
    if world_size() > 1:
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return tensor


def barrier() -> None:
    """Wait until every rank has called this."""
    if world_size() > 1:
        dist.barrier()


def sum_over_ranks(tensor: torch.Tensor) -> torch.Tensor:
    """The element-wise sum over all ranks, in place."""
    if world_size() > 1:
        dist.all_reduce(tensor)
    return tensor
