"""The bytes of a GPU that tensors can take. Pure and light."""

from __future__ import annotations

CONTEXT = 600 * 2**20
"""Bytes that CUDA's context and libraries take on a GPU. An assumption, not measured here."""

SLACK = 0.03
"""Share of a GPU that torch's allocator leaves unused between its blocks. An assumption."""


def usable(memory: int) -> int:
    """The bytes of a GPU of `memory` bytes that tensors can take."""
    return memory - CONTEXT - slack(memory)


def slack(memory: int) -> int:
    """The bytes of such a GPU that the allocator loses."""
    return (memory - CONTEXT) - int((memory - CONTEXT) * (1 - SLACK))
