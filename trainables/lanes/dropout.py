"""Dropout without a state: whether a number is dropped is a hash of where it stands.

So it depends on no company, micro-batch or interruption, and an activation that is computed again
in the backward pass is dropped alike.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

Words = NDArray[np.uint32]

_FIRST, _SECOND = 0x85EBCA6B, 0xC2B2AE35
"""The multipliers of MurmurHash3's finalizer (Appleby), which turns any 32 bits into others."""


@dataclass(frozen=True)
class RowKey:
    """Where a row stands: the trial's seed, the place of its example among all that the trial
    trains on, and which of the example's sequences it is. `rate` is the trial's dropout."""

    seed: int
    place: int
    sequence: int
    rate: float


class Dropout:
    """The dropout of a batch of rows of `width` tokens, each with its own rate."""

    def __init__(self, rows: Sequence[RowKey], width: int, device: torch.device) -> None:
        rates = np.array([row.rate for row in rows])
        keys = np.array([_hashed(row.seed, row.place, row.sequence) for row in rows], np.uint32)
        spots = mixed(keys[:, None] ^ mixed(np.arange(1, width + 1, dtype=np.uint32)))
        self._spots = torch.from_numpy(spots.view(np.int32)).to(device)
        limits = np.round(rates * 2.0**32) - 2.0**31
        self._limits = torch.from_numpy(limits.astype(np.int32)).to(device)[:, None, None]
        self._scales = torch.from_numpy(1.0 / (1.0 - rates)).to(device)[:, None, None]

    def __call__(self, inputs: torch.Tensor, module: str) -> torch.Tensor:
        """[rows, width, columns]: the inputs of a module, some dropped and the others scaled."""
        columns = _columns(module, inputs.shape[-1], inputs.device)
        kept = _mixed(self._spots[:, :, None] + columns) >= self._limits
        return inputs * (kept * self._scales.to(inputs.dtype))


def mixed(words: Words) -> Words:
    """Each word turned into another one, without collisions."""
    words = words ^ (words >> np.uint32(16))
    words = words * np.uint32(_FIRST)
    words = words ^ (words >> np.uint32(13))
    words = words * np.uint32(_SECOND)
    return words ^ (words >> np.uint32(16))


def _hashed(*numbers: int) -> int:
    found = np.zeros(1, np.uint32)
    for number in numbers:
        for half in (number & 0xFFFFFFFF, number >> 32 & 0xFFFFFFFF):
            found = mixed(found + np.uint32(0x9E3779B9) ^ np.uint32(half))
    return int(found[0])


@lru_cache(maxsize=1024)
def _columns(module: str, count: int, device: torch.device) -> torch.Tensor:
    name = np.uint32(zlib.crc32(module.encode()))
    words = mixed(mixed(np.arange(1, count + 1, dtype=np.uint32)) ^ name)
    return torch.from_numpy(words.view(np.int32)).to(device)


def _mixed(words: torch.Tensor) -> torch.Tensor:
    """`mixed`, in place; shifts of int32 would copy the sign, which the masks remove."""
    words ^= (words >> 16) & 0xFFFF
    words *= _FIRST - 2**32
    words ^= (words >> 13) & 0x7FFFF
    words *= _SECOND - 2**32
    return words.bitwise_xor_((words >> 16) & 0xFFFF)
