"""Skips transformers' check of each attention mask, which would block the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask


@contextmanager
def padded_on_the_right() -> Iterator[None]:
    """Context in which all padding of a model's inputs is at the end of its sequences.

    In a causal model no token sees later ones, so the mask need not include the padding; an
    encoder's does. In each pass, transformers reads the padding mask to find out if there is any;
    the host then waits for all work queued on the device.
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
    """No mask if transformers itself would need none without padding."""
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
