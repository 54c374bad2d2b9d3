"""New tokens of a model and their embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel


def with_tokens(model: PreTrainedModel, ids: Sequence[int]) -> PreTrainedModel:
    """`model` with rows for the token ids `ids`, all initialised to the mean of the known rows.

    That bounds the distance of a new token's logit from the others' (Hewitt 2021, "Initializing new
    word embeddings for pretrained language models") and, unlike random rows, is deterministic.
    """
    if not ids:
        return model
    if max(ids) >= model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(max(ids) + 1, mean_resizing=False)
    with torch.no_grad():
        for name in embeddings(model):
            rows = model.get_parameter(f"{name}.weight")
            # Some models have unused rows, so the new ids need not be the last ones.
            rows[list(ids)] = rows[: min(ids)].float().mean(dim=0).to(rows.dtype)
    return model.requires_grad_(False)


def embeddings(model: PreTrainedModel) -> list[str]:
    """The names of the layers with a row for each token: one if input and output are tied."""
    layers = [model.get_output_embeddings(), model.get_input_embeddings()]
    own = {id(layer.weight): layer for layer in layers if layer is not None}.values()
    return [name for name, part in model.named_modules() if any(part is layer for layer in own)]


def tied_layers(model: PreTrainedModel) -> list[str]:
    """The names of the input and output embeddings, if they share one weight; else empty."""
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    if any(layer is None for layer in layers) or layers[0].weight is not layers[1].weight:
        return []
    return [name for name, part in model.named_modules() if any(part is each for each in layers)]


def tied_to(model: PreTrainedModel, ending: str) -> str | None:
    """The embeddings that share their weight with the module of that ending, if one does."""
    tied = tied_layers(model)
    others = [name for name in tied if not f".{name}".endswith(f".{ending}")]
    return others[0] if others and len(others) < len(tied) else None
