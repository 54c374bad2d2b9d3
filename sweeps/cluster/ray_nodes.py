"""The nodes of the cluster that this process is connected to, and tasks on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypedDict

if TYPE_CHECKING:
    import ray

P = ParamSpec("P")


class RayNode(TypedDict):
    """The fields of Ray's node description that we read."""

    NodeID: str
    Alive: bool
    NodeManagerHostname: str
    Resources: Mapping[str, float]
    Labels: Mapping[str, str]


Nodes = Sequence[RayNode]


class NodeTask(Protocol[P]):
    """A function to run as a Ray task on one node."""

    def remote(self, *arguments: P.args, **named: P.kwargs) -> ray.ObjectRef:
        """Start it; returns the reference to its result."""


def alive_nodes() -> Nodes:
    """The nodes that are alive."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def rooms() -> list[Mapping[str, float]]:
    """The resources of each live node: "CPU", "GPU" and others."""
    return [node["Resources"] for node in alive_nodes()]


def on_node(node: RayNode, function: Callable[P, object]) -> NodeTask[P]:
    """`function` as a Ray task on that node; takes no resources from running trials."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    task: NodeTask[P] = ray.remote(function).options(
        num_cpus=0, scheduling_strategy=where, max_retries=0
    )
    return task
