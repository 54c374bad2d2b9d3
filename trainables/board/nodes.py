"""The state of the cluster's nodes."""

from __future__ import annotations

import logging
from dataclasses import dataclass

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks: clouds give a warning of half a minute, or of two minutes."""


@dataclass(frozen=True)
class Nodes:
    """Node ids: the node `here`, the nodes that will be taken away, and those that are gone."""

    here: str = ""
    draining: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


def look() -> Nodes | None:
    """The nodes as Ray sees them now; None if it does not answer.

    Ray has no public call that lists draining nodes; its own Train and Data use this one, too. It
    assigns no new work to such a node, and ends the node's raylet when nothing runs there any more.
    """
    import ray
    from ray._private.state import state

    try:
        return Nodes(
            here=ray.get_runtime_context().get_node_id(),
            draining=frozenset(state.get_draining_nodes()),
            gone=frozenset(node["NodeID"] for node in ray.nodes() if not node["Alive"]),
        )
    except (ray.exceptions.RayError, RuntimeError, OSError) as error:
        log.warning("Ray does not report its nodes: %s", error)
        return None
