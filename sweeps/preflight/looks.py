"""A quick look at each node of a cluster: its clock and its Python."""

from __future__ import annotations

import platform
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.cluster.ray_nodes import RayNode, on_node
from sweeps.preflight.finding import Finding, note, ok, wrong
from sweeps.storage.visibility import PATIENCE

NOTED_SKEW, WRONG_SKEW = 2.0, 60.0
"""Seconds between two clocks. Times in records come from several nodes, and cloud storage rejects
requests with clocks minutes off."""

_ROUNDS = 3
"""Number of requests to each node; the first one also starts a process there."""


@dataclass(frozen=True, slots=True)
class Look:
    """A node's answer. `skew` is the lead of its clock over ours, +- `unsure`."""

    host: str
    python: str
    skew: float
    unsure: float


def check_clocks(looks: Sequence[Look]) -> Finding:
    """Whether the nodes' clocks agree, within the delay of their answers."""
    offset = max((abs(look.skew) - look.unsure for look in looks), default=0.0)
    if offset <= NOTED_SKEW:
        return ok("ray clocks", f"clocks of {counted(len(looks))} agree")
    worst = max(looks, key=lambda look: abs(look.skew) - look.unsure)
    way = "ahead of" if worst.skew > 0 else "behind"
    message = f"clock of {worst.host} is {abs(worst.skew):.0f} s {way} this machine's"
    found = wrong if offset > WRONG_SKEW else note
    return found("ray clocks", message, "synchronise the clocks (NTP) on all nodes")


def check_pythons(looks: Sequence[Look], here: str) -> Iterator[Finding]:
    """Same minor version of Python on all nodes, since pickles may not be portable."""
    for look in looks:
        if look.python.split(".")[:2] != here.split(".")[:2]:
            message = f"{look.host} runs Python {look.python}, this machine {here}"
            yield wrong("ray python", message, "use the same minor version on all nodes")


def look(node: RayNode) -> Look:
    """Ask a node; RayError if it cannot run a task.

    The fastest of several answers gives its clock most precisely.
    """
    import ray

    task, looks = on_node(node, _answer), []
    for _ in range(_ROUNDS):
        asked = time.time()
        host, python, clock = ray.get(task.remote(), timeout=PATIENCE)
        unsure = (time.time() - asked) / 2
        looks.append(Look(host, python, clock - asked - unsure, unsure))
    return min(looks, key=lambda look: look.unsure)


def _answer() -> tuple[str, str, float]:
    """Runs on the node."""
    return socket.gethostname(), platform.python_version(), time.time()


def counted(count: int) -> str:
    """`1 node`, `3 nodes`."""
    return "1 node" if count == 1 else f"{count} nodes"
