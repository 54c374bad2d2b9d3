"""What DeepSpeed's engine needs beyond its configuration."""

from __future__ import annotations

import inspect
from typing import Any

from deepspeed.runtime.fp16.unfused_optimizer import FP16_UnfusedOptimizer
from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator

_RELEASED = inspect.getclosurevars(
    PartitionedParameterCoordinator._PartitionedParameterCoordinator__params_to_release
).nonlocals["func"]


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


def dismantle(engine: Any) -> None:
    """Take an engine apart so that its memory is free for the next trial.

    DeepSpeed keeps every model that ZeRO-3 ever took apart, with its gradients and its optimizer:
    in a list of the modules that are running, where each leaves the model itself, and in the cache
    of a method.
    """
    engine.destroy()
    FWD_MODULE_STACK.clear()
    _RELEASED.cache_clear()
