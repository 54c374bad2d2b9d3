"""What DeepSpeed's engine needs beyond its configuration."""

from __future__ import annotations

import inspect
from typing import Any

import deepspeed
from deepspeed.runtime.fp16.unfused_optimizer import FP16_UnfusedOptimizer
from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator
from deepspeed.utils import groups


def take_back_first_step(engine: Any) -> None:
    """Let training in half precision without ZeRO begin at its beginning.

    DeepSpeed's optimizer for it makes a step on gradients of zero when it is born, to have its
    state allocated: Adam would correct its bias one step off, and weights decay without learning.
    """
    wrapper = engine.optimizer
    if not isinstance(wrapper, FP16_UnfusedOptimizer):
        return
    wrapper.optimizer.state.clear()
    for group in wrapper.optimizer.param_groups:
        group.pop("step", None)  # of those optimizers that count for a whole group
    for masters, weights in zip(wrapper.fp32_groups, wrapper.fp16_groups, strict=True):
        for master, weight in zip(masters, weights, strict=True):
            master.data.copy_(weight.data)


def node_group(size: int) -> Any:
    """The workers that hold ZeRO++'s second copy among themselves, as an earlier trial left them.

    None where there was none of that size: DeepSpeed then makes the group if it needs one. It keeps
    it for the whole process, uses it for whatever model comes next, and makes no second.
    """
    group = groups._get_zero_param_intra_parallel_group()
    if group is not None and deepspeed.comm.get_world_size(group=group) != size:
        deepspeed.comm.destroy_process_group(group)
        return None
    return group


def dismantle(engine: Any) -> None:
    """Take an engine apart so that its memory is free for the next trial.

    DeepSpeed keeps every model that ZeRO-3 ever took apart, and the optimizer with it, in two
    places of its own, which would grow by some six times the model's size with each trial.
    """
    engine.destroy()
    FWD_MODULE_STACK.clear()
    _releases().cache_clear()


def _releases() -> Any:
    """The cache of which weights each module lets go; its keys hold modules and their engines."""
    name = "_PartitionedParameterCoordinator__params_to_release"
    decorated = vars(PartitionedParameterCoordinator)[name]
    return inspect.getclosurevars(decorated).nonlocals["func"]
