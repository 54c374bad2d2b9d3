"""The nodes of the cluster that this process is connected to, and tasks on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypedDict

if TYPE_CHECKING:
    import ray

P = ParamSpec("P")

KIND = "ray.io/node-group"
"""Ray's node label for $RAY_NODE_TYPE_NAME, if set when Ray starts on the node; the launcher and
KubeRay set it to the name of the node's type."""


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


def kind_of(node: RayNode) -> str:
    """The name of a node's type; empty if unknown to Ray."""
    return node["Labels"].get(KIND, "")


def one_of_each_kind(nodes: Nodes) -> Nodes:
    """The first node of each type; nodes of one type with other resources count apart."""
    found: dict[object, RayNode] = {}
    for node in nodes:
        has = node["Resources"]
        cards = sorted(name for name in has if name.startswith("accelerator_type:"))
        found.setdefault((kind_of(node), has.get("CPU"), has.get("GPU"), *cards), node)
    return list(found.values())


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
