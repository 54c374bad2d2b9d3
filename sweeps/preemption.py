"""Nodes of the cluster that will be taken away: Ray calls them draining."""

from __future__ import annotations

LOOK_EVERY = 2.0
"""Seconds between two looks: clouds give half a minute's warning, or two minutes'."""


def draining_nodes() -> frozenset[str]:
    """The ids of the nodes that Ray drains now, for whatever reason.

    Ray has no public call that lists them; its own Train and Data ask as we do. It gives no new
    work to such a node, and ends the node's raylet when nothing runs there any more.
    """
    from ray._private.state import state

    return frozenset(state.get_draining_nodes())
