"""What every node of a cluster must see before a sweep starts: the sweep home, or its storage."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from sweeps.base.errors import LaunchError
from sweeps.cluster.ray_nodes import Nodes, alive_nodes, on_node
from sweeps.spec.spec import SweepSpec
from sweeps.storage.storage import probe, storage_of
from trainables.storage.remote_folder import RemoteFolder

_What = TypeVar("_What")

PATIENCE = 60.0
"""Seconds for an answer; the first one also starts a process on the node."""

_LOOKS = 10

SHARE = (
    "set storage.uri to storage that all nodes reach, such as s3://BUCKET/FOLDER, or mount one "
    "folder on all nodes and set SWEEP_HOME to it"
)


def check_sight(home: Path, spec: SweepSpec) -> None:
    """LaunchError names each node that sees too little; needs a Ray that is connected.

    Nodes that come later are told by the slots that come up there.
    """
    nodes = alive_nodes()
    asked = hosts(nodes, spec.slots.gpus)
    if storage := storage_of(spec):
        blind = storage_blind(asked, storage)
        remedy = "every node needs its credentials in the environment in which Ray was started"
    elif len(nodes) > 1:
        blind, remedy = home_blind(asked, home), SHARE
    else:
        return
    if blind:
        listed = "\n  ".join(f"{host}: {why}" for host, why in blind.items())
        raise LaunchError(f"not all nodes see the sweep's storage; {remedy}\n  {listed}")


def storage_blind(nodes: Nodes, storage: RemoteFolder) -> dict[str, str]:
    """Host name -> why it cannot use the storage."""
    return _complaints(nodes, probe, storage)


def home_blind(nodes: Nodes, home: Path) -> dict[str, str]:
    """Host name -> why it does not see the sweep home."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=home) as file:
        return _complaints(nodes, _sees, file.name)


def _complaints(
    nodes: Nodes, function: Callable[[_What], str | None], what: _What
) -> dict[str, str]:
    import ray

    answers = [on_node(node, function).remote(what) for node in nodes]
    complaints = {}
    for node, answer in zip(nodes, answers, strict=True):
        try:
            why = ray.get(answer, timeout=PATIENCE)
        except ray.exceptions.RayError as error:
            why = f"it did not run a task: {str(error).strip().splitlines()[-1]}"
        if why:
            complaints[node["NodeManagerHostname"]] = why
    return complaints


def hosts(nodes: Nodes, gpus: float | Literal["auto"]) -> Nodes:
    """Those that could hold a slot: with GPUs, where there are any and they are wanted."""
    with_gpus = [node for node in nodes if node["Resources"].get("GPU", 0) > 0]
    if with_gpus and gpus:
        return with_gpus
    return [node for node in nodes if node["Resources"].get("CPU", 0) > 0]


def _sees(file: str) -> str | None:
    """Runs on the node; a file system over a network may take a moment."""
    for _ in range(_LOOKS):
        if Path(file).exists():
            return None
        time.sleep(0.2)
    return f"what lies in the sweep home {Path(file).parent} is not seen there"
