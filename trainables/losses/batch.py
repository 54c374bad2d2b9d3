"""Asynchronous transfer of a micro-batch to the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.data.tokens.sequences import IntArray


class Batch(TypedDict):
    """The output of `collate` or `collate_packs`, as tensors.

    `place` and `targets` stay arrays on the host, to look up the examples' references and to choose
    the target tokens without waiting for the device.

    Of answers that the model has written: the `advantage` of each, or of each token; of their
    tokens [answers, length - 1] log-probabilities when they were written (`sampled`), in the first
    pass of training (`old`) and under the base (`reference`), `values` when they were written, and
    `returns`; and the answers' tokens in the whole step over its micro-batches (`step_tokens`).
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    targets: IntArray
    attention_mask: NotRequired[torch.Tensor]
    position_ids: NotRequired[torch.Tensor]
    weight: NotRequired[torch.Tensor]
    label: NotRequired[torch.Tensor]
    place: NotRequired[IntArray]
    token_type_ids: NotRequired[torch.Tensor]
    advantage: NotRequired[torch.Tensor]
    old: NotRequired[torch.Tensor]
    reference: NotRequired[torch.Tensor]
    sampled: NotRequired[torch.Tensor]
    values: NotRequired[torch.Tensor]
    returns: NotRequired[torch.Tensor]
    step_tokens: NotRequired[torch.Tensor]


_ON_HOST = ("place", "targets")


def to_batch(arrays: Mapping[str, NDArray[np.generic]]) -> Batch:
    """The arrays as host tensors with shared memory."""
    tensors = {name: a if name in _ON_HOST else torch.from_numpy(a) for name, a in arrays.items()}
    return cast(Batch, tensors)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device."""
    moved = {
        name: queued(each, device) if isinstance(each, torch.Tensor) else each
        for name, each in batch.items()
    }
    return cast(Batch, moved)


def queued(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A host tensor on the device; a copy to a GPU is queued there without blocking the host."""
    if device.type != "cuda":
        return tensor.to(device)
    # From pageable memory, the copy would block.
    return tensor.pin_memory().to(device, non_blocking=True)
