"""What a sweep's slots and nodes did when its driver last looked, and what they have cost."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from results.records.record import Count, Record

HOUR = 3600.0


class NodeRecord(Record):
    """A node of the cluster that is up. `kind` is the name of its type, such as "worker" of a
    cluster file; empty where Ray was not told."""

    id: str
    host: str
    kind: str = ""
    cpus: float = 0.0
    gpus: float = 0.0


class PhaseRecord(Record):
    """Work under way: `done` of `total`, in `unit`s, where the total is known."""

    text: str
    done: float = 0.0
    total: float | None = None
    unit: str = ""


class SlotRecord(Record):
    """A slot: `nodes` has the id of each worker's node, empty where it was never up.

    `restarts` of its workers and `trials` that ended there are counted since the sweep began or was
    resumed. `job` is what it does: a trial's number, or the name of a measurement, and `phases`
    is how far that is, the outermost first. `home` is whether it was sent home for good, with
    nothing left to do. `remarks` are what the sweep's owner should know of what it runs on.
    """

    name: str
    up: bool = False
    home: bool = False
    device: str = ""
    nodes: tuple[str, ...] = ()
    restarts: Count = 0
    trials: Count = 0
    job: str | None = None
    phases: tuple[PhaseRecord, ...] = ()
    remarks: tuple[str, ...] = ()


class ClusterRecord(Record):
    """As it was `at`, in unix seconds. `gpus_used` are those that any program on the cluster holds.

    `node_seconds`, node type -> seconds, are of the whole sweep, also before it was resumed: of
    each node the part that the sweep's slots held. `prices`, node type -> dollars an hour.
    """

    at: float
    slots: tuple[SlotRecord, ...] = ()
    nodes: tuple[NodeRecord, ...] = ()
    gpus: float = 0.0
    gpus_used: float = 0.0
    node_seconds: dict[str, float] = Field(default_factory=dict)
    prices: dict[str, float] = Field(default_factory=dict)

    def priced(self, prices: Mapping[str, float]) -> ClusterRecord:
        """With these prices on top of its own."""
        return self.with_changes(prices={**self.prices, **prices})

    def node_hours(self, with_price: bool) -> dict[str, float]:
        """Hours by node type, of those whose price is known or of the others."""
        return {
            kind: seconds / HOUR
            for kind, seconds in self.node_seconds.items()
            if (kind in self.prices) is with_price
        }

    @property
    def cost(self) -> float | None:
        """Dollars for all hours whose price is known; None where there are none."""
        hours = self.node_hours(with_price=True)
        return sum(hours[kind] * self.prices[kind] for kind in hours) if hours else None
