"""Records a running sweep's slots and nodes every few seconds, for `sweep status`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

import ray

from results.records.cluster_record import (
    ClusterRecord,
    LaneRecord,
    LimitsRecord,
    NodeRecord,
    PhaseRecord,
    SlotRecord,
)
from results.records.record_error import RecordError
from results.records.store import RecordStore
from sweeps.cluster.meter import Meter, gpus_held, held
from sweeps.cluster.ray_nodes import RayNode, alive_nodes, kind_of
from trainables.board.board_client import BoardClient
from trainables.board.slot_state import SlotState
from trainables.core.background import Background, Tell, logged
from trainables.core.progress import Phases
from trainables.lanes.limits import LaneLimits
from trainables.slots.slot_size import SlotSize

EVERY = 5.0
"""Seconds between two records."""

_PATIENCE = 5.0  # seconds


class Observer:
    """Writes `cluster.json` in the sweep's folder, and keeps earlier counts in it.

    `broken` is told of breakdowns; `seen` gets each record. `lanes_said` is what is known of the
    number of lanes without trying.
    """

    def __init__(
        self,
        board: BoardClient,
        slots: int,
        size: SlotSize,
        store: RecordStore,
        prices: Mapping[str, float],
        broken: Tell = logged,
        seen: Callable[[ClusterRecord], None] = lambda record: None,
        lanes_said: str = "",
    ) -> None:
        self._board = board
        self._names = [f"slot-{number}" for number in range(slots)]
        self._size = size
        self._store = store
        self._prices = dict(prices)
        self._seen = seen
        self._lanes_said = lanes_said
        self._meter = _meter(store)
        self._stop = threading.Event()
        loss = "`sweep status` no longer updates slots, nodes and costs"
        self._thread = Background("observer", self._watch, loss, broken)

    def start(self) -> None:
        """Start observing in the background."""
        self._thread.start()

    def close(self) -> None:
        """Observe once more, and stop: no thread may wait inside Ray while Ray shuts down."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        self._look()
        while not self._stop.wait(EVERY):
            self._look()
        self._look()

    def _look(self) -> None:
        """Record the current state; failures are skipped, since observing must not end a sweep."""
        try:
            states = self._board.overview(_PATIENCE)
            lanes = self._board.lanes_found(_PATIENCE)
            record = self._record({state.name: state for state in states}, lanes)
            self._store.write_cluster(record)
            self._seen(record)
        except (ray.exceptions.RayError, OSError) as error:
            logging.getLogger(__name__).info("cluster state not available: %s", error)

    def _record(
        self, states: Mapping[str, SlotState], lanes: Mapping[str, LaneLimits]
    ) -> ClusterRecord:
        slots = [slot_record(name, states.get(name)) for name in self._names]
        nodes = [node_record(node) for node in alive_nodes()]
        gpus_in_use = gpus_held(slots, self._size)
        self._meter.read(time.monotonic(), held(slots, nodes, self._size), gpus_in_use)
        gpus = ray.cluster_resources().get("GPU", 0.0)
        return ClusterRecord(
            at=time.time(),
            slots=slots,
            nodes=nodes,
            gpus=gpus,
            gpus_used=gpus - ray.available_resources().get("GPU", 0.0),
            node_seconds=self._meter.node_seconds,
            gpu_seconds=self._meter.gpu_seconds,
            prices=self._prices,
            lanes={kind: _limits(found) for kind, found in lanes.items()},
            lanes_said=self._lanes_said,
        )


def slot_record(name: str, state: SlotState | None) -> SlotRecord:
    """The record of a slot from the board's state; `None` if it was never up."""
    if state is None:
        return SlotRecord(name=name)
    return SlotRecord(
        name=name,
        up=state.up,
        home=state.home,
        device=state.device,
        nodes=state.nodes,
        restarts=state.starts - 1,
        trials=state.trials,
        job=state.job,
        phases=_phases(state.phases),
        remarks=state.remarks,
        beside=tuple(
            LaneRecord(job=lane.job, phases=_phases(lane.phases)) for lane in state.beside
        ),
        limits=_limits(state.limits) if state.limits else None,
        sent_back=state.sent_back,
    )


def _limits(found: LaneLimits) -> LimitsRecord:
    return LimitsRecord(**asdict(found))


def _phases(phases: Phases) -> tuple[PhaseRecord, ...]:
    return tuple(PhaseRecord(**asdict(phase)) for phase in phases)


def node_record(node: RayNode) -> NodeRecord:
    """The record of a node from `ray.nodes()`."""
    resources = node["Resources"]
    return NodeRecord(
        id=node["NodeID"],
        host=node["NodeManagerHostname"],
        kind=kind_of(node),
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
    )


def lanes_on_record(store: RecordStore) -> dict[str, LaneLimits]:
    """The numbers of lanes that earlier parts of the sweep have found."""
    earlier = _earlier(store)
    found = earlier.lanes if earlier else {}
    return {kind: LaneLimits(**each.model_dump()) for kind, each in found.items()}


def _meter(store: RecordStore) -> Meter:
    """A meter with the counts from earlier parts of the sweep."""
    earlier = _earlier(store)
    return Meter(earlier.node_seconds, earlier.gpu_seconds) if earlier else Meter({})


def _earlier(store: RecordStore) -> ClusterRecord | None:
    """The last record; None if there is none or the file is damaged."""
    try:
        return store.cluster()
    except RecordError:
        return None
