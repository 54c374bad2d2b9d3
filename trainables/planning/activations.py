"""The memory of one forward and backward pass, from a pass of tensors that have no memory.

torch's FakeTensorMode runs a model's own code and computes shapes only; the bytes that are alive
are counted. A pass over one and over two sequences gives a line: what does not depend on the
micro-batch, and what each sequence adds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from trainables.config.trial import TrialConfig
from trainables.losses.batch import Batch
from trainables.losses.loss import Loss
from trainables.planning.live_bytes import LiveBytes
from trainables.training.base import autocast_dtype


@dataclass(frozen=True)
class Activations:
    """Bytes at the peak of a pass beyond weights and buffers, gradients included."""

    fixed: int
    per_sequence: int

    def of(self, sequences: int) -> int:
        """Those of a micro-batch."""
        return self.fixed + sequences * self.per_sequence


def activations_of(
    model: torch.nn.Module,
    config: TrialConfig,
    loss: Loss,
    batch_of: Callable[[int], Batch],
    mode: FakeTensorMode,
) -> Activations:
    """Measure `model`, made within `mode`; `batch_of` gives a micro-batch of so many sequences."""
    one, two = (_peak(model, config, loss, batch_of(count), mode) for count in (1, 2))
    return Activations(fixed=max(0, 2 * one - two), per_sequence=two - one)


def _peak(
    model: torch.nn.Module, config: TrialConfig, loss: Loss, batch: Batch, mode: FakeTensorMode
) -> int:
    dtype = None if config.deepspeed else autocast_dtype(config)
    meter = LiveBytes()
    with mode, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensors = [*model.parameters(), *model.buffers()]
        meter.count(tensors)
        before = meter.now
        items = torch.ones(())
        with meter:
            with torch.autocast("cpu", dtype) if dtype else nullcontext():
                value = loss.loss(model, batch, items)
            torch.autograd.backward(value)
        model.zero_grad(set_to_none=True)
    return meter.peak - before
