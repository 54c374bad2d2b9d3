"""Node-seconds held by a sweep's slots, by node type, and GPU-seconds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from results.records.cluster_record import NodeRecord, SlotRecord
from trainables.slots.slot_size import SlotSize


class Meter:
    """Node-seconds by node type, and GPU-seconds. `earlier` are those of the sweep before it was
    resumed."""

    def __init__(self, earlier: Mapping[str, float], gpu_seconds: float = 0.0) -> None:
        self.node_seconds = dict(earlier)
        self.gpu_seconds = gpu_seconds
        self._held: Mapping[str, float] = {}
        self._gpus = 0.0
        self._since: float | None = None

    def read(self, now: float, held: Mapping[str, float], gpus: float = 0.0) -> None:
        """Set the parts of nodes and the GPUs held from `now` on, by any clock; earlier ones were
        held until `now`."""
        if self._since is not None:
            for kind, nodes in self._held.items():
                earlier = self.node_seconds.get(kind, 0.0)
                self.node_seconds[kind] = earlier + nodes * (now - self._since)
            self.gpu_seconds += self._gpus * (now - self._since)
        self._held, self._gpus, self._since = held, gpus, now


def held(
    slots: Sequence[SlotRecord], nodes: Sequence[NodeRecord], size: SlotSize
) -> dict[str, float]:
    """Node type -> number of nodes held by running slots, in fractions of nodes.

    A node's fraction is that of its GPUs, or of its CPUs if the workers use no GPU.
    """
    workers = Counter(node for slot in slots if slot.up for node in slot.nodes)
    parts: dict[str, float] = {}
    for node in nodes:
        if workers[node.id]:
            has, wants = (node.gpus, size.gpus) if size.gpus else (node.cpus, size.cpus)
            part = min(1.0, workers[node.id] * wants / has) if has else 1.0
            parts[node.kind] = parts.get(node.kind, 0.0) + part
    return parts


def gpus_held(slots: Sequence[SlotRecord], size: SlotSize) -> float:
    """The GPUs held by running slots."""
    return size.gpus * sum(len(slot.nodes) for slot in slots if slot.up)
