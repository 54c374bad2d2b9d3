"""Access of every node to the sweep home or the storage, checked before a sweep starts."""

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
    "set storage.uri to storage that all nodes reach, such as s3://BUCKET/FOLDER, or mount a "
    "shared folder on all nodes and set SWEEP_HOME to it"
)


def check_sight(home: Path, spec: SweepSpec) -> None:
    """LaunchError lists the nodes without access; needs a connected Ray.

    Nodes that join later are checked by their slots.
    """
    nodes = alive_nodes()
    asked = hosts(nodes, spec.slots.gpus)
    if storage := storage_of(spec):
        blind = storage_blind(asked, storage)
        remedy = "start Ray with the storage's credentials on every node"
    elif len(nodes) > 1:
        blind, remedy = home_blind(asked, home), SHARE
    else:
        return
    if blind:
        listed = "\n  ".join(f"{host}: {why}" for host, why in blind.items())
        raise LaunchError(f"some nodes cannot access the sweep's storage; {remedy}\n  {listed}")


def storage_blind(nodes: Nodes, storage: RemoteFolder) -> dict[str, str]:
    """Host name -> why the storage is not accessible."""
    return _complaints(nodes, probe, storage)


def home_blind(nodes: Nodes, home: Path) -> dict[str, str]:
    """Host name -> why the sweep home is not visible."""
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
            why = f"test task failed: {str(error).strip().splitlines()[-1]}"
        if why:
            complaints[node["NodeManagerHostname"]] = why
    return complaints


def hosts(nodes: Nodes, gpus: float | Literal["auto"]) -> Nodes:
    """Nodes that could hold a slot: those with GPUs, if there are any and slots use them."""
    with_gpus = [node for node in nodes if node["Resources"].get("GPU", 0) > 0]
    if with_gpus and gpus:
        return with_gpus
    return [node for node in nodes if node["Resources"].get("CPU", 0) > 0]


def _sees(file: str) -> str | None:
    """Runs on the node. Retries, since a network file system may take a moment."""
    for _ in range(_LOOKS):
        if Path(file).exists():
            return None
        time.sleep(0.2)
    return f"cannot see files in the sweep home {Path(file).parent}"
