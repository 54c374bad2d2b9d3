"""ZeRO-3 for models larger than any device: weights go from the host to the ranks' shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.training.base import is_scattered
from trainables.training.zero.settings import deepspeed_config


def scatter(model: torch.nn.Module, settings: Mapping[str, object], device: torch.device) -> None:
    """Leave each rank its share of the weights of `model`, which is in host memory.

    They pass through the device one by one, so it never holds more than its share and the largest
    one. `settings` are DeepSpeed's. A single rank keeps everything.
    """
    if ranks.world_size() == 1:
        model.to(device)
        return
    import deepspeed

    from trainables.training.zero.engine import node_group

    zero = settings["zero_optimization"]
    assert isinstance(zero, dict)
    nodes = node_group(zero["zero_hpz_partition_size"])
    deepspeed.zero.Init(
        module=model, config_dict_or_path=dict(settings), zero_param_parallel_group=nodes
    )
    for buffer in model.buffers():
        buffer.data = buffer.data.to(device)


@contextmanager
def assembled(
    model: torch.nn.Module, settings: Mapping[str, object], device: torch.device
) -> Iterator[torch.nn.Module]:
    """A model in host memory, evaluated by all ranks together, layer by layer."""
    import deepspeed

    from trainables.training.zero.engine import dismantle

    scatter(model, settings, device)
    if ranks.world_size() == 1:
        yield model
        return
    engine, *_ = deepspeed.initialize(model=model, config=dict(settings))
    try:
        yield model
    finally:
        dismantle(engine)


@contextmanager
def ready(
    model: torch.nn.Module, config: TrialConfig, device: torch.device
) -> Iterator[torch.nn.Module]:
    """A borrowed model, callable by all ranks together."""
    if not is_scattered(config):
        yield model
        return
    settings = deepspeed_config(config, config.micro_batch_size, accumulation=1)
    with assembled(model, settings, device):
        yield model
