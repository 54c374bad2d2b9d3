"""Releases memory between trials, and detects when a process has grown too much."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

import psutil
import torch

_GROWTH = 2.0
_GROWTH_BYTES = 2**30
"""A worker is replaced if it holds twice as much as after its first trials, and this much more."""

_SHARE_OF_GPU, _SHARE_OF_HOST = 0.95, 0.5
"""What of the free memory may be planned with."""

_WORDS = ("can't allocate memory", "out of memory", "ALLOC_FAILED")
"""RuntimeError messages: torch's on a CPU; CUDA's, also through NCCL; cuBLAS' and cuDNN's."""


def own_device() -> torch.device:
    """The device of this process: its GPU, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # Workers of a slot on one node see all of the slot's GPUs, and are told which one to use.
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def release_memory() -> None:
    """Return unreferenced memory to the device and the host."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        # glibc keeps the activations of a large batch if each of them was small.
        trim(0)


def free_memory(device: torch.device) -> int:
    """The bytes that this process may still take: on a GPU all but a few, on a host half of what is
    available there or in this process's container, since other slots may want some."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(_SHARE_OF_GPU * (free + unused))
    return int(_SHARE_OF_HOST * min(psutil.virtual_memory().available, _left_in_container()))


def _left_in_container() -> float:
    folder = Path("/sys/fs/cgroup")
    try:
        most, used = ((folder / f"memory.{name}").read_text() for name in ("max", "current"))
        return max(0, int(most) - int(used))
    except (OSError, ValueError):  # no container, or one without a limit
        return float("inf")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch would have fitted."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # On a GPU, errors from outside torch's allocator are known by their text only.
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


class Memory:
    """This process's use of host memory, from trial to trial."""

    _SETTLING = 3  # trials until everything that stays is loaded

    def __init__(self) -> None:
        self._seen: list[int] = []

    def outgrown(self) -> bool:
        """Whether it has grown more than any legitimate use explains; asked after each trial."""
        self._seen.append(psutil.Process().memory_info().rss)
        if len(self._seen) <= self._SETTLING:
            return False
        settled, now = max(self._seen[: self._SETTLING]), self._seen[-1]
        return now > _GROWTH * settled and now - settled > _GROWTH_BYTES
