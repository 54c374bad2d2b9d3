"""A micro-batch on its way to the device, which nothing waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.data.tokens.sequences import IntArray


class Batch(TypedDict):
    """What `collate` and `collate_packs` make, as tensors.

    `place` stays an array on the host: whoever needs a reference for these examples must know which
    they are without asking the device.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    attention_mask: NotRequired[torch.Tensor]
    position_ids: NotRequired[torch.Tensor]
    weight: NotRequired[torch.Tensor]
    label: NotRequired[torch.Tensor]
    place: NotRequired[IntArray]


def to_batch(arrays: Mapping[str, NDArray[np.generic]]) -> Batch:
    """The arrays as tensors of the host, which share their memory."""
    tensors = {name: a if name == "place" else torch.from_numpy(a) for name, a in arrays.items()}
    return cast(Batch, tensors)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The same on the device."""
    moved = {
        name: queued(each, device) if isinstance(each, torch.Tensor) else each
        for name, each in batch.items()
    }
    return cast(Batch, moved)


def queued(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A host's tensor on the device; the copy to a GPU is queued there, and the host goes on."""
    if device.type != "cuda":
        return tensor.to(device)
    # Out of memory that the system may move, the copy would be waited for.
    return tensor.pin_memory().to(device, non_blocking=True)
