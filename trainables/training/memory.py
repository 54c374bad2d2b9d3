"""Giving memory back between trials, and seeing when a process has grown too much."""

from __future__ import annotations

import ctypes
import gc
import sys

import psutil
import torch

_GROWTH = 2.0
_GROWTH_BYTES = 2**30
"""A worker that holds twice what it held after its first trials, and so much more, is replaced."""

_WORDS = ("can't allocate memory", "out of memory", "ALLOC_FAILED")
"""Of a RuntimeError: torch's on a CPU; CUDA's, also by way of NCCL; cuBLAS' and cuDNN's."""


def release_memory() -> None:
    """Give back what nothing refers to any more, to the device and to the host."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        # glibc keeps the activations of a large batch, where they were small one by one.
        trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less at once would have fitted."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # What does not come from torch's own allocator on a GPU has only words for it.
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


class Memory:
    """What this process holds of the host's memory, from trial to trial."""

    _SETTLING = 3  # trials after which everything is loaded that stays

    def __init__(self) -> None:
        self._seen: list[int] = []

    def outgrown(self) -> bool:
        """Whether it has grown as nothing that is needed would; asked after each trial."""
        self._seen.append(psutil.Process().memory_info().rss)
        if len(self._seen) <= self._SETTLING:
            return False
        settled, now = max(self._seen[: self._SETTLING]), self._seen[-1]
        return now > _GROWTH * settled and now - settled > _GROWTH_BYTES
