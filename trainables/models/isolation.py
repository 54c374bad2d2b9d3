"""Whether a model keeps the examples of a packed sequence apart, found by asking it.

Many architectures take position ids and still look beyond where they begin anew: those with layers
that carry a state along, and those that make attention masks of their own.
"""

from __future__ import annotations

import inspect

import torch
from transformers import PreTrainedModel

from trainables.core.errors import RefusedError

_HALF = 4
"""Tokens of each of the two examples that a model is asked about."""

_TOLERANCE = 0.05
"""Of what a whole sequence's beginning changes at its end; a model that leaks changes half of it,
and one that does not nothing at all but for rounding."""


def check_isolation(model: PreTrainedModel) -> None:
    """RefusedError unless an example's logits are the same whatever its pack begins with."""
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise RefusedError(_refusal(model, "does not accept position ids"))
    was_training = model.training
    model.eval()
    packed, whole = (_influence(model, _positions(begins)) for begins in (_HALF, 2 * _HALF))
    model.train(was_training)
    if packed > _TOLERANCE * whole:
        raise RefusedError(_refusal(model, "lets packed examples attend to each other"))


@torch.no_grad()
def _influence(model: PreTrainedModel, positions: torch.Tensor) -> float:
    """How far other tokens in the first half of a sequence move the logits of the second."""
    embeddings = model.get_input_embeddings()
    assert isinstance(embeddings, torch.nn.Embedding), "a language model embeds words"
    tokens = torch.arange(3 * _HALF, device=embeddings.weight.device) % embeddings.num_embeddings
    first, other, second = tokens.view(3, _HALF)
    rows = torch.stack([torch.cat([first, second]), torch.cat([other, second])])
    logits = model(input_ids=rows, position_ids=positions.to(rows.device)).logits[:, _HALF:]
    return float((logits[0].float() - logits[1].float()).abs().max())


def _positions(length: int) -> torch.Tensor:
    """[2, 2 * _HALF]: positions that begin anew after each `length`."""
    return (torch.arange(2 * _HALF) % length).expand(2, -1)


def _refusal(model: PreTrainedModel, fault: str) -> str:
    return (
        f"data.packing: {type(model).__name__} {fault}, so packed examples would "
        "not train like single ones; leave data.packing out, or use another model"
    )
