"""Workarounds for DeepSpeed's engine beyond its configuration."""

from __future__ import annotations

import inspect
from typing import Any

import deepspeed
from deepspeed.runtime.fp16.unfused_optimizer import FP16_UnfusedOptimizer
from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator
from deepspeed.utils import groups


def take_back_first_step(engine: Any) -> None:
    """Reset the step count of training in half precision without ZeRO.

    DeepSpeed's optimizer for it takes a step on zero gradients at its creation, to allocate its
    state: Adam's bias correction would be one step off, and weights would decay without learning.
    """
    wrapper = engine.optimizer
    if not isinstance(wrapper, FP16_UnfusedOptimizer):
        return
    wrapper.optimizer.state.clear()
    for group in wrapper.optimizer.param_groups:
        group.pop("step", None)  # for optimizers with one count per group
    for masters, weights in zip(wrapper.fp32_groups, wrapper.fp16_groups, strict=True):
        for master, weight in zip(masters, weights, strict=True):
            master.data.copy_(weight.data)


def node_group(size: int) -> Any:
    """The group of workers that holds ZeRO++'s second copy, from an earlier trial.

    None if there is none of that size; DeepSpeed then creates it on demand. It keeps one group for
    the whole process, uses it for every later model, and never creates a second.
    """
    group = groups._get_zero_param_intra_parallel_group()
    if group is not None and deepspeed.comm.get_world_size(group=group) != size:
        deepspeed.comm.destroy_process_group(group)
        return None
    return group


def dismantle(engine: Any) -> None:
    """Take an engine apart so that its memory is free for the next trial.

    DeepSpeed keeps every model partitioned by ZeRO-3, and its optimizer, in two places of its own,
    which would grow by some six times the model's size with each trial.
    """
    engine.destroy()
    FWD_MODULE_STACK.clear()
    _releases().cache_clear()


def _releases() -> Any:
    """The cache of weights that each module releases; its keys hold modules and their engines."""
    name = "_PartitionedParameterCoordinator__params_to_release"
    decorated = vars(PartitionedParameterCoordinator)[name]
    return inspect.getclosurevars(decorated).nonlocals["func"]
