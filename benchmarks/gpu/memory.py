"""Memory in MiB: the card's, as torch's allocator counts it; on a CPU the resident size."""

from __future__ import annotations

import psutil
import torch

MIB = 2**20


def held() -> float:
    """The current memory of live objects."""
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated() / MIB
    return float(psutil.Process().memory_info().rss / MIB)


def peaks() -> dict[str, int | None]:
    """The maxima since the start of the last trial; none on a CPU."""
    cuda = torch.cuda.is_available()
    return {
        "peak allocated, MiB": torch.cuda.max_memory_allocated() // MIB if cuda else None,
        "peak reserved, MiB": torch.cuda.max_memory_reserved() // MIB if cuda else None,
    }


def card() -> float:
    """All used memory of the card, even outside of torch's allocator."""
    if not torch.cuda.is_available():
        return held()
    free, total = torch.cuda.mem_get_info()
    return (total - free) / MIB


def room() -> int:
    """Total bytes of the card; for a rehearsal on a CPU, half a gigabyte."""
    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    return 2**29
