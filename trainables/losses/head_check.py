"""Test of a language model: whether its head can be asked apart, with the same logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from transformers import PreTrainedModel

from trainables.data.tokens.batches import pad
from trainables.data.tokens.sequences import TokenSequence
from trainables.losses.batch import Batch, to_batch, to_device
from trainables.losses.forward import logits_of
from trainables.losses.head import Finish, LanguageHead, head_module
from trainables.losses.tokens import TokenLosses, token_losses

_TOLERANCE = 1e-6
"""Relative to the largest logit."""

_ROUNDING = 1e-5
"""Of losses from products of other sizes."""

_LARGE = 30.0
"""The largest logit in the test: the hidden states are raised to it, as small logits hide a cap."""

_LENGTH = 8

_SETTINGS: Mapping[str, tuple[Finish, ...]] = {
    "final_logit_softcapping": ("capped",),
    "logits_soft_cap": ("capped",),
    "logits_scaling": ("over", "times"),
    "logit_scale": ("times",),
    "lm_head_multiplier": ("times",),
}
"""Settings of transformers' models for what follows the head, with what they may mean."""


@torch.no_grad()
def apart(model: PreTrainedModel) -> LanguageHead | None:
    """How the model's logits follow from its head; None if in no way that is known here.

    The logits of the model and of its head are compared for the same hidden states, and so are
    losses with the head asked apart and from whole logits.
    """
    module = head_module(model)
    if module is None:
        return None
    was_training = model.training
    model.eval()
    with _raised(module) as seen:
        batch = _batch(model.get_input_embeddings().weight)
        logits = logits_of(model, batch)
        found = next(_fitting(model, module, seen, logits), None)
        fits = found is not None and _agree(TokenLosses(found).losses(model, batch), logits, batch)
    model.train(was_training)
    return found if fits else None


@contextmanager
def _raised(module: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Context in which the head gets large hidden states; collects them."""
    seen: list[torch.Tensor] = []
    forward = module.forward

    def raise_(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        largest = forward(inputs[0]).abs().max().clamp(min=torch.finfo(torch.float16).tiny)
        seen.append(inputs[0] * (_LARGE / largest))
        return (seen[-1], *inputs[1:])

    handle = module.register_forward_pre_hook(raise_)
    try:
        yield seen
    finally:
        handle.remove()


def _batch(embeddings: torch.Tensor) -> Batch:
    """Two sequences with some targets each."""
    tokens = np.arange(2 * _LENGTH) % len(embeddings)
    rows = [
        TokenSequence.of(row.tolist(), [at % step == 0 for at in range(_LENGTH)])
        for row, step in zip(np.split(tokens, 2), (2, 3), strict=True)
    ]
    return to_device(to_batch(pad(rows, pad_id=0)), embeddings.device)


def _fitting(
    model: PreTrainedModel,
    module: torch.nn.Module,
    seen: list[torch.Tensor],
    logits: torch.Tensor,
) -> Iterator[LanguageHead]:
    """The ways in which the logits follow from the hidden states that the head has seen."""
    if len(seen) != 1 or seen[0].shape[:2] != logits.shape[:2]:
        return  # the model does not call its head, or not once
    outputs = module.forward(seen[0])
    for finish, value in _ways(model):
        head = LanguageHead(logits.shape[-1], finish, value)
        ours = head.finished(outputs)
        if ours.shape == logits.shape and _near(ours, logits, _TOLERANCE):
            yield head


def _ways(model: PreTrainedModel) -> Iterator[tuple[Finish, float]]:
    yield "none", 1.0
    settings = model.config.get_text_config()
    for name, finishes in _SETTINGS.items():
        value = getattr(settings, name, None)
        if isinstance(value, int | float):
            yield from ((finish, float(value)) for finish in finishes)


def _agree(losses: torch.Tensor, logits: torch.Tensor, batch: Batch) -> bool:
    """In half precision, products of fewer rows may be rounded in another way."""
    whole = token_losses(logits, batch["labels"])
    return _near(losses, whole, max(_ROUNDING, torch.finfo(logits.dtype).eps))


def _near(one: torch.Tensor, other: torch.Tensor, tolerance: float) -> bool:
    one, other = one.float(), other.float()
    return bool((one - other).abs().max() <= tolerance * other.abs().max())
