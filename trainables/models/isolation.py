"""Test of a model: whether it isolates the examples of a packed sequence from each other.

Many architectures take position ids and still look across their restarts: those with stateful
layers, and those with their own attention masks.
"""

from __future__ import annotations

import inspect

import torch
from transformers import PreTrainedModel

from trainables.core.errors import RefusedError

_HALF = 4
"""Tokens of each of the two test examples."""

_TOLERANCE = 0.05
"""Maximum influence across examples, relative to that within one sequence: about half for a leaky
model, and only rounding errors for an isolating one."""


def check_isolation(model: PreTrainedModel) -> None:
    """RefusedError unless an example's logits are independent of earlier examples in its pack."""
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
    """Change in the second half's logits from other tokens in the first half of a sequence."""
    embeddings = model.get_input_embeddings()
    assert isinstance(embeddings, torch.nn.Embedding), "a language model embeds words"
    tokens = torch.arange(3 * _HALF, device=embeddings.weight.device) % embeddings.num_embeddings
    first, other, second = tokens.view(3, _HALF)
    rows = torch.stack([torch.cat([first, second]), torch.cat([other, second])])
    # One row at a time, as flash attention separates examples only there.
    one, same = (
        model(input_ids=row, position_ids=positions.to(rows.device)).logits[0, _HALF:].float()
        for row in torch.split(rows, 1)
    )
    return float((one - same).abs().max())


def _positions(length: int) -> torch.Tensor:
    """[1, 2 * _HALF]: positions that restart after each `length`."""
    return (torch.arange(2 * _HALF) % length)[None]


def _refusal(model: PreTrainedModel, fault: str) -> str:
    return (
        f"data.packing: {type(model).__name__} {fault}, so packed examples would "
        "not train like single ones; leave data.packing out, or use another model"
    )
