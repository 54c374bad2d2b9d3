"""Spares transformers the look at each attention mask, for which the host would wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask


@contextmanager
def padded_on_the_right() -> Iterator[None]:
    """Inside, every sequence that a model is given has its padding, if any, at its end.

    In a causal model no token sees what follows it, so that its mask need not name the padding.
    transformers reads the padding mask in each pass, to see whether there is any: the host then
    waits until the device has done all that was queued before.
    """
    ALL_MASK_ATTENTION_FUNCTIONS["sdpa"] = _sdpa_mask
    try:
        yield
    finally:
        del ALL_MASK_ATTENTION_FUNCTIONS["sdpa"]


def _sdpa_mask(
    *,
    q_length: int,
    kv_length: int,
    local_size: int | None = None,
    allow_is_causal_skip: bool = True,
    **rest: Any,
) -> torch.Tensor | None:
    """No mask, where transformers itself would need none if there were no padding."""
    whole = local_size is None or kv_length < local_size
    if allow_is_causal_skip and q_length == kv_length and whole:
        return None
    mask: torch.Tensor | None = sdpa_mask(
        q_length=q_length,
        kv_length=kv_length,
        local_size=local_size,
        allow_is_causal_skip=allow_is_causal_skip,
        **rest,
    )
    return mask
