"""GPUs of a running cluster: Ray's count against torch's on each node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeps.cluster.ray_nodes import Nodes, on_node
from sweeps.doctor.finding import Finding, note, ok, wrong

_PATIENCE = 120.0
"""Seconds for all answers: a process starts on each node, and imports torch."""

_COUNT = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"


@dataclass(frozen=True, slots=True)
class Cards:
    """The GPUs of a node: number offered by Ray, and number seen by torch in a process there."""

    host: str
    given: float
    seen: int


def check_gpus_of(nodes: Nodes) -> list[Finding]:
    """Findings about nodes from `ray.nodes()`; empty without any GPUs."""
    import ray

    asked = []
    for node in nodes:
        given = node["Resources"].get("GPU", 0.0)
        answer = on_node(node, _seen).remote(given > 0)
        asked.append((node["NodeManagerHostname"], given, answer))
    ray.wait([answer for *_, answer in asked], num_returns=len(asked), timeout=_PATIENCE)
    cards = []
    for host, given, answer in asked:
        try:
            cards.append(Cards(host, given, ray.get(answer, timeout=0)))
        except ray.exceptions.RayError:
            continue  # the check of the nodes reports it
    return list(check_cards(cards))


def check_cards(cards: Sequence[Cards]) -> Iterator[Finding]:
    """GPUs that torch does not see are wrong; GPUs unknown to Ray are noted."""
    bad = [each for each in cards if each.given > each.seen]
    for each in bad:
        message = f"{each.host}: Ray offers {each.given:g} GPUs, but torch sees {each.seen}"
        remedy = "check its driver with nvidia-smi, and install a torch build for it"
        yield wrong("ray gpus", message, remedy)
    for each in cards:
        if each.given < each.seen:
            message = f"{each.host}: torch sees {each.seen} GPUs, but Ray offers {each.given:g}"
            yield note("ray gpus", message, "trials use the GPUs that Ray offers")
    total = sum(each.given for each in cards)
    if total and not bad:
        yield ok("ray gpus", f"torch sees all {total:g} GPUs on their nodes")


def _seen(promised: bool) -> int:
    """Runs on the node, in a new process: Ray hides GPUs from a task that requests none."""
    if not promised and not Path("/proc/driver/nvidia/version").exists():
        return 0
    environment = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(
        [sys.executable, "-c", _COUNT],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return int(done.stdout) if done.returncode == 0 else 0
