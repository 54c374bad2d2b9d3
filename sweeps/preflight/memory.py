"""A machine's own memory against what a sweep needs of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rich.filesize import decimal

from sweeps.planning.sizes import GIB
from sweeps.preflight.facts import Facts
from sweeps.preflight.finding import Finding, note, ok, wrong
from sweeps.preflight.needs import Needs

_MIB = 2**20

_NCCL = 128 * _MIB
"""Bytes of /dev/shm that the workers of a slot may take to talk to each other. Docker gives
containers 64 MB unless told otherwise, in which NCCL fails."""


def check_memory(facts: Facts, needs: Needs, workers: float) -> Iterator[Finding]:
    """Findings about /dev/shm, and about RAM for as many `workers` as the machine has room for."""
    shared = facts.shared_memory
    if found := [*_lacks(facts, needs, workers, shared)]:
        yield from found
        return
    free = "no /dev/shm" if shared is None else f"{decimal(shared)} free in /dev/shm"
    yield ok("memory", f"{facts.host}: {facts.memory / GIB:.1f} GB of memory, {free}")


def _lacks(facts: Facts, needs: Needs, workers: float, shared: int | None) -> Iterator[Finding]:
    if needs.workers > 1 and shared is not None and shared < _NCCL:
        message = (
            f"{facts.host}: /dev/shm has {shared / _MIB:.0f} MB free, and the "
            f"{needs.workers} workers of a slot talk through it"
        )
        remedy = "give it 1 GB (docker run --shm-size=1g; an emptyDir of medium Memory there)"
        yield wrong("shared memory", message, remedy)
    if needs.host is not None and needs.host * max(1.0, workers) > facts.memory:
        message = (
            f"{facts.host}: it has {facts.memory / GIB:.1f} GB of memory, and each of "
            f"{max(1.0, workers):g} workers may keep {needs.host / GIB:.1f} GB in it"
        )
        yield note(
            "memory", message, "lower slots.count, or leave offload and paged optimizers out"
        )
