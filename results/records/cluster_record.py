"""The latest known state of a sweep's slots and nodes, and their cost."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from results.records.record_value import Count, Record

HOUR = 3600.0


class NodeRecord(Record):
    """A live node of the cluster. `kind` is the name of its type, such as "worker" in a cluster
    file; empty if unknown to Ray."""

    id: str
    host: str
    kind: str = ""
    cpus: float = 0.0
    gpus: float = 0.0


class PhaseRecord(Record):
    """Work in progress: `done` of `total`, in `unit`s, if the total is known."""

    text: str
    done: float = 0.0
    total: float | None = None
    unit: str = ""


class LaneRecord(Record):
    """A trial in another lane of a slot, and its progress."""

    job: str
    phases: tuple[PhaseRecord, ...] = ()


class LimitsRecord(Record):
    """A number of lanes that a slot has found: so many `fit` into memory, and up to `pay` of them
    bring the search further in a second, by `gain` times the tokens, if that was measured.
    `tokens` are those of a pass beyond which they do not. `untried` is why it is one without having
    tried more, if so."""

    fit: Count
    pay: Count
    tokens: Count | None = None
    gain: float | None = None
    untried: str = ""

    @property
    def lanes(self) -> int:
        """The number of lanes taken."""
        return max(1, min(self.fit, self.pay))


class SlotRecord(Record):
    """A slot: `nodes` has the id of each worker's node, empty if it was never up.

    `restarts` of its workers and `trials` that ended there are counted since the sweep began or was
    resumed. `job` is its current job: a trial's number, or the name of a measurement; `phases` are
    the job's progress, outermost first; `beside` are the trials in its other lanes, at most as many
    as `limits` says if the slot finds that itself. `home` is whether it was dismissed for good,
    with nothing left to do. `remarks` are notes about its hardware for the sweep's owner.
    `sent_back` is the number of trials that its latest restart interrupted.
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
    beside: tuple[LaneRecord, ...] = ()
    limits: LimitsRecord | None = None
    sent_back: Count = 0

    @property
    def lanes(self) -> tuple[LaneRecord, ...]:
        """All its current jobs."""
        if self.job is None:
            return ()
        return (LaneRecord(job=self.job, phases=self.phases), *self.beside)


class ClusterRecord(Record):
    """The state `at` a time in unix seconds. `gpus_used` are those held by any program there.

    `node_seconds`, node type -> seconds, are of the whole sweep, even before it was resumed: of
    each node, the part held by the sweep's slots; so are `gpu_seconds`, of the GPUs held by slots.
    `prices`, node type -> dollars an hour. `lanes` are the numbers of lanes found, by device and
    kind of trial; `lanes_said` is what is known of them without trying.
    """

    at: float
    slots: tuple[SlotRecord, ...] = ()
    nodes: tuple[NodeRecord, ...] = ()
    gpus: float = 0.0
    gpus_used: float = 0.0
    node_seconds: dict[str, float] = Field(default_factory=dict)
    gpu_seconds: float = 0.0
    prices: dict[str, float] = Field(default_factory=dict)
    lanes: dict[str, LimitsRecord] = Field(default_factory=dict)
    lanes_said: str = ""

    def priced(self, prices: Mapping[str, float]) -> ClusterRecord:
        """A copy with these prices on top of its own."""
        return self.with_changes(prices={**self.prices, **prices})

    def node_hours(self, with_price: bool) -> dict[str, float]:
        """Hours by node type, for types with a known price or for the others."""
        return {
            kind: seconds / HOUR
            for kind, seconds in self.node_seconds.items()
            if (kind in self.prices) is with_price
        }

    @property
    def cost(self) -> float | None:
        """Dollars for all hours with a known price; None if there are none."""
        hours = self.node_hours(with_price=True)
        return sum(hours[kind] * self.prices[kind] for kind in hours) if hours else None
