"""The nodes of the cluster that this process is connected to, and tasks on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Nodes = Sequence[Mapping[str, Any]]
"""Ray's own account of each."""


def alive_nodes() -> Nodes:
    """Those that are up."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def rooms() -> list[Mapping[str, float]]:
    """What each of them has: "CPU", "GPU" and whatever else."""
    return [node["Resources"] for node in alive_nodes()]


def on_node(node: Mapping[str, Any], function: Callable[..., Any]) -> Any:
    """`function` as a Ray task of that node, which takes nothing from those who train there."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    return ray.remote(function).options(num_cpus=0, scheduling_strategy=where, max_retries=0)
