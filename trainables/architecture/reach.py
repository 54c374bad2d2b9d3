"""What an encoder can read: its positions and its token types, from a model without weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from trainables.core.data_error import said
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource


class Reach(NamedTuple):
    """The maximum number of tokens, if positions are learned; whether token types differ."""

    tokens: int | None
    token_types: bool


def reach(source: ModelSource) -> Reach:
    """The reach of the model of a folder or hub id; ModelError if it cannot be built."""
    try:
        model = _outline(source)
    except Exception as error:  # library boundary: invalid input can raise anything
        raise ModelError(f"model: {source.name} cannot be built ({said(error)})") from error
    return reach_of(model)


def reach_of(model: nn.Module) -> Reach:
    """The reach of a model, from the embeddings of its positions and token types.

    RoBERTa and its kin count positions from the row after that of padding.
    """
    room, types = [], [0]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and hasattr(module, "padding_idx"):
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            room.append(len(module.weight) - before)
        if name.endswith("token_type_embeddings") and hasattr(module, "padding_idx"):
            types.append(len(module.weight))
    return Reach(min(room, default=None), token_types=max(types) > 1)


def _outline(source: ModelSource) -> nn.Module:
    """The model without weights."""
    trusted, name = source.trust_remote_code, str(source.folder or source.name)
    config = AutoConfig.from_pretrained(name, revision=source.revision, trust_remote_code=trusted)
    with torch.device("meta"):
        model: nn.Module = AutoModel.from_config(config, trust_remote_code=trusted)
    return model
