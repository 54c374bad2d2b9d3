"""The keys and values that a model keeps of earlier tokens, which a prefix must look like."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import torch
from transformers import PreTrainedModel

from trainables.architecture.encoders import is_encoder
from trainables.core.errors import MisfitError


@dataclass(frozen=True)
class AttentionCache:
    """The same number of `heads` of one `width` in all `layers`; `window`: the narrowest one."""

    layers: int
    heads: int
    width: int
    window: int | None


def attention_cache(model: PreTrainedModel) -> AttentionCache | None:
    """What the model keeps, as seen in its answer to one token.

    Not read from its config: names and meanings differ between architectures. MisfitError if a
    prefix cannot take that form; None if the architecture does not run without weights.
    """
    described = model.config.to_json_string()
    return _attention_cache(type(model), described)  # type: ignore[arg-type]  # types are hashable


@cache
def _attention_cache(kind: type[PreTrainedModel], described: str) -> AttentionCache | None:
    name = kind.__name__
    if getattr(kind, "_is_stateful", False):
        raise _misfit(f"{name} keeps a state of earlier tokens in place of keys and values")
    if is_encoder(kind.config_class.from_dict(json.loads(described))):
        raise _misfit(f"{name} keeps no keys and values of earlier tokens")
    try:
        answer = _answer(kind, described)
    except RuntimeError:
        return None
    kept = getattr(answer, "past_key_values", None)
    if kept is None:
        raise _misfit(f"{name} keeps no keys and values of earlier tokens")
    shapes = {
        (tuple(layer.keys.shape[1::2]), tuple(layer.values.shape[1::2])) for layer in kept.layers
    }
    if len(shapes) > 1:
        raise _misfit(f"the layers of {name} keep keys and values of several sizes")
    keys, values = shapes.pop()
    if keys != values:
        raise _misfit(f"{name} keeps compressed keys and values, of unequal sizes")
    windows = [layer.sliding_window for layer in kept.layers if hasattr(layer, "sliding_window")]
    return AttentionCache(len(kept.layers), keys[0], keys[1], min(windows, default=None))


def _misfit(why: str) -> MisfitError:
    return MisfitError("method", f"prefix trains keys and values, but {why}", "use lora or adapter")


@torch.no_grad()
def _answer(kind: type[PreTrainedModel], described: str) -> object:
    """The answer of the same architecture without weights, so that the model stays untouched."""
    config = kind.config_class.from_dict(json.loads(described))
    config.use_cache = True
    config.pad_token_id = None  # or it would be looked for among the tokens
    # The way of computing experts that does not look at values.
    config._experts_implementation = "batched_mm"
    with torch.device("meta"):
        likeness = kind(config).eval()
        one = torch.ones(1, 1, dtype=torch.long)
        return likeness(input_ids=one, use_cache=True)
