"""The head of a classifier: what is new in it beside the language model that it is built on."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel


def head_modules(model: PreTrainedModel) -> list[str]:
    """The full names of a head's parts, with an encoder's pooler, which its own head may need.

    A masked language model's checkpoint has no pooler, so it is as new as the head.
    """
    base = model.base_model_prefix
    parts = [name for name, part in model.named_children() if name != base and _has_weights(part)]
    pooler = getattr(getattr(model, base, None), "pooler", None)
    pooled = isinstance(pooler, nn.Module) and _has_weights(pooler)
    return [*parts, *([f"{base}.pooler"] if pooled else [])]


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None
