"""The memory of one forward and backward pass, from a pass of tensors that have no memory.

torch's FakeTensorMode runs a model's own code and computes shapes only; the bytes that are alive
are counted. Passes over one and over many sequences give a line if both have their peak at the same
moment; if not, two of each give one each.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from trainables.config.trial import TrialConfig
from trainables.losses.batch import Batch
from trainables.losses.loss import Loss
from trainables.planning.curves import Curve, Line, Stretch
from trainables.planning.kinds import ATTENTION, LOGITS, Kinds
from trainables.planning.live_bytes import LiveBytes
from trainables.training.base import autocast_dtype

_MANY = 8192
"""Tokens of a micro-batch of many sequences, in which what grows with them takes most."""


@dataclass(frozen=True)
class Activations:
    """Bytes at the peak of a pass beyond weights and buffers.

    `first` includes the gradients that there are at that moment: it is a step's first micro-batch.
    `further` has none of those that are held throughout its further ones. The model has `words`.
    """

    first: Curve
    further: Curve
    words: int = 0

    def towards(self, other: Activations, share: float) -> Activations:
        """What lies between these and others."""
        first, further = (
            mine.towards(its, share)
            for mine, its in ((self.first, other.first), (self.further, other.further))
        )
        return Activations(first, further, self.words)


@dataclass(frozen=True)
class Passing:
    """What a pass is made of: `model`, made within `mode`, whose head has so many `words` (0: none
    asked for each token), and whose method puts `virtual` tokens before each sequence."""

    model: torch.nn.Module
    config: TrialConfig
    loss: Loss
    mode: FakeTensorMode
    words: int = 0
    virtual: int = 0


@dataclass(frozen=True)
class Moment:
    """The bytes when they are most, those of each kind among them, and the tokens of the logits."""

    bytes: int
    parts: Mapping[str, int]
    tokens: int
    after: str = ""
    """The operation then, and whether it was in the forward pass."""

    def is_like(self, other: Moment, times: int) -> bool:
        """Whether the peak with so many times the sequences is at the same moment, with as many
        times the logits, or with as many where these come in parts."""
        grown = self.tokens in (other.tokens, other.tokens / times)
        return grown and self.after == other.after


@dataclass(frozen=True)
class Peaks:
    """The peaks of a pass: with the gradients that it leaves, and without them."""

    first: Moment
    further: Moment


def activations_of(passing: Passing, batch_of: Callable[[int], Batch]) -> Activations:
    """`batch_of` gives a micro-batch of so many sequences."""
    length = int(batch_of(1)["input_ids"].shape[1])
    many = max(4, -(-_MANY // length))
    one, most = (peaks_of(passing, batch_of(count)) for count in (1, many))
    if one.first.is_like(most.first, many) and one.further.is_like(most.further, many):
        first, further = (
            Curve.throughout(_stretch(1, few, many, more))
            for few, more in ((one.first, most.first), (one.further, most.further))
        )
        return Activations(first, further, passing.words)
    two, twice = (peaks_of(passing, batch_of(count)) for count in (2, 2 * many))
    first, further = (
        Curve(_stretch(1, a, 2, b), _stretch(many, c, 2 * many, d), many)
        for a, b, c, d in (
            (one.first, two.first, most.first, twice.first),
            (one.further, two.further, most.further, twice.further),
        )
    )
    return Activations(first, further, passing.words)


def activations_of_one(passing: Passing, batch: Batch) -> Activations:
    """Those of a micro-batch of one sequence alone."""
    peaks = peaks_of(passing, batch)
    first, further = (Curve.even(each.bytes) for each in (peaks.first, peaks.further))
    return Activations(first, further, passing.words)


def _stretch(count: int, moment: Moment, more: int, its: Moment) -> Stretch:
    kinds = {
        name: Line.through(count, moment.parts.get(name, 0), more, its.parts.get(name, 0))
        for name in (LOGITS, ATTENTION)
        if its.parts.get(name)
    }
    tokens = Line.through(count, moment.tokens, more, its.tokens)
    return Stretch(Line.through(count, moment.bytes, more, its.bytes), kinds, tokens)


def peaks_of(passing: Passing, batch: Batch) -> Peaks:
    """The peaks of one pass over the batch."""
    model, config = passing.model, passing.config
    dtype = None if config.deepspeed else autocast_dtype(config)
    length = int(batch["input_ids"].shape[1])
    kinds = Kinds(model, passing.words, (length, length + passing.virtual))
    meter = LiveBytes(kinds)
    with passing.mode, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meter.count([*model.parameters(), *model.buffers()])
        before = meter.now
        items = torch.ones(())
        with meter, _gradients_told(model, meter):
            with torch.autocast("cpu", dtype) if dtype else nullcontext():
                value = passing.loss.loss(model, batch, items)
            torch.autograd.backward(value)
        model.zero_grad(set_to_none=True)
    return Peaks(
        Moment(meter.peak - before, meter.parts, kinds.tokens, meter.after),
        Moment(meter.peak_beside - before, meter.parts_beside, kinds.tokens, meter.after_beside),
    )


@contextmanager
def _gradients_told(model: torch.nn.Module, meter: LiveBytes) -> Iterator[None]:
    """Within it, the meter sets gradients aside once they are a weight's."""

    def tell(weight: torch.Tensor) -> None:
        assert weight.grad is not None, "it has just been accumulated"
        meter.set_aside(weight.grad)

    handles = [
        weight.register_post_accumulate_grad_hook(tell)  # type: ignore[no-untyped-call]
        for weight in model.parameters()
        if weight.requires_grad
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
