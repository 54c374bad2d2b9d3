"""The nodes of the cluster that this process is connected to, and tasks on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypedDict

if TYPE_CHECKING:
    import ray

P = ParamSpec("P")


class RayNode(TypedDict):
    """Ray's own account of a node, as far as we read it."""

    NodeID: str
    Alive: bool
    NodeManagerHostname: str
    Resources: Mapping[str, float]
    Labels: Mapping[str, str]


Nodes = Sequence[RayNode]


class NodeTask(Protocol[P]):
    """A function that runs as a Ray task of one node."""

    def remote(self, *arguments: P.args, **named: P.kwargs) -> ray.ObjectRef:
        """Start it; the reference to what it returns."""


def alive_nodes() -> Nodes:
    """Those that are up."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def rooms() -> list[Mapping[str, float]]:
    """What each of them has: "CPU", "GPU" and whatever else."""
    return [node["Resources"] for node in alive_nodes()]


def on_node(node: RayNode, function: Callable[P, object]) -> NodeTask[P]:
    """`function` as a Ray task of that node, which takes nothing from those who train there."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    task: NodeTask[P] = ray.remote(function).options(
        num_cpus=0, scheduling_strategy=where, max_retries=0
    )
    return task
