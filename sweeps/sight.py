"""What every node of a cluster must see before a sweep starts: the sweep home, or its storage."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeps.errors import LaunchError
from sweeps.storage import probe
from trainables.remote_folder import RemoteFolder

PATIENCE = 60.0
"""Seconds for an answer; the first one also starts a process on the node."""

SHARE = (
    "set storage.uri to storage that all nodes reach, such as s3://BUCKET/FOLDER, or mount one "
    "folder on all nodes and set SWEEP_HOME to it"
)


def check_sight(home: Path, storage: RemoteFolder | None) -> None:
    """LaunchError names each node that sees too little; needs a Ray that is connected."""
    nodes = alive_nodes()
    if storage is not None:
        blind = storage_blind(nodes, storage)
        remedy = "every node needs its credentials in the environment in which Ray was started"
    elif len(nodes) > 1:
        blind, remedy = home_blind(nodes, home), SHARE
    else:
        return
    if blind:
        listed = "\n  ".join(f"{host}: {why}" for host, why in blind.items())
        raise LaunchError(f"not all nodes see the sweep's storage; {remedy}\n  {listed}")


def alive_nodes() -> list[Mapping[str, Any]]:
    """Ray's own account of each node that is up."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def storage_blind(nodes: list[Mapping[str, Any]], storage: RemoteFolder) -> dict[str, str]:
    """Host name -> why it cannot use the storage."""
    return _complaints(nodes, probe, storage)


def home_blind(nodes: list[Mapping[str, Any]], home: Path) -> dict[str, str]:
    """Host name -> why it does not see the sweep home."""
    with marker(home) as file:
        return _complaints(nodes, _sees, str(file))


def on_node(node: Mapping[str, Any], function: Callable[..., Any]) -> Any:
    """`function` as a Ray task of that node, which takes nothing from those who train there."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    return ray.remote(function).options(num_cpus=0, scheduling_strategy=where, max_retries=0)


@contextmanager
def marker(folder: Path) -> Iterator[Path]:
    """A file for all nodes to look for."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=folder) as file:
        yield Path(file.name)


def _complaints(
    nodes: list[Mapping[str, Any]], function: Callable[[Any], str | None], what: object
) -> dict[str, str]:
    import ray

    hosts = [node for node in nodes if _may_train(node)]
    answers = [
        (node["NodeManagerHostname"], on_node(node, function).remote(what)) for node in hosts
    ]
    complaints = {}
    for host, answer in answers:
        try:
            why = ray.get(answer, timeout=PATIENCE)
        except ray.exceptions.RayError as error:
            why = f"it did not run a task: {str(error).strip().splitlines()[-1]}"
        if why:
            complaints[host] = why
    return complaints


def _may_train(node: Mapping[str, Any]) -> bool:
    return any(node["Resources"].get(kind, 0) > 0 for kind in ("CPU", "GPU"))


def _sees(file: str) -> str | None:
    """Runs on the node."""
    there = Path(file).exists()
    return None if there else f"what lies in the sweep home {Path(file).parent} is not seen there"
