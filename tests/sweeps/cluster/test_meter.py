from __future__ import annotations

import pytest

from results.records.cluster_record import NodeRecord, SlotRecord
from sweeps.cluster.meter import Meter, held
from trainables.slots.slot_size import SlotSize

BIG = NodeRecord(id="big", host="big", kind="worker", cpus=16, gpus=4)
SMALL = NodeRecord(id="small", host="small", kind="worker", cpus=8, gpus=1)
HEAD = NodeRecord(id="head", host="head", kind="head", cpus=4)


def slot(*nodes: str, up: bool = True) -> SlotRecord:
    return SlotRecord(name="slot", up=up, nodes=nodes)


@pytest.mark.parametrize(
    ("slots", "size", "nodes"),
    [
        ([slot("small")], SlotSize(1, 1, 1), {"worker": 1.0}),
        ([slot("big"), slot("small")], SlotSize(1, 1, 1), {"worker": 1.25}),
        ([slot("big", "big", "small")], SlotSize(3, 1, 1), {"worker": 1.5}),
        ([slot("big"), slot("big")], SlotSize(1, 1, 0.5), {"worker": 0.25}),
        ([slot("head"), slot("big")], SlotSize(1, 2, 0), {"head": 0.5, "worker": 0.125}),
        ([slot("big", up=False), slot()], SlotSize(1, 1, 1), {}),
        ([slot("gone")], SlotSize(1, 1, 1), {}),
        ([slot("head")], SlotSize(1, 1, 1), {"head": 1.0}),  # says it has no GPU, though it is used
    ],
)
def test_of_a_node_counts_what_the_slots_hold(slots, size, nodes):
    assert held(slots, [BIG, SMALL, HEAD], size) == pytest.approx(nodes)


def test_time_is_counted_for_what_was_held_until_now_and_goes_on_from_before():
    meter = Meter({"worker": 100.0})
    meter.read(1000.0, {"worker": 2.0})
    assert meter.node_seconds == {"worker": 100.0}, "nobody knows what was before"
    meter.read(1010.0, {"worker": 0.5, "": 1.0})
    assert meter.node_seconds == {"worker": 120.0}
    meter.read(1030.0, {})
    meter.read(9999.0, {"worker": 4.0})
    assert meter.node_seconds == {"worker": 130.0, "": 20.0}
