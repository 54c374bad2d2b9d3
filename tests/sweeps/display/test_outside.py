from __future__ import annotations

import io

import pytest
from rich.console import Console

from results.records.cluster_record import (
    ClusterRecord,
    LimitsRecord,
    NodeRecord,
    PhaseRecord,
    SlotRecord,
)
from sweeps.display.cluster_report import cluster_report, cost_line

NODES = (
    NodeRecord(id="h", host="10.0.0.1", kind="head"),
    NodeRecord(id="a", host="10.0.0.2", kind="worker", gpus=2),
    NodeRecord(id="b", host="10.0.0.3", gpus=2),
)
SLOTS = (
    SlotRecord(name="slot-0", up=True, device="2 × A10G", nodes=("a", "b"), job="12", trials=5),
    SlotRecord(name="slot-1", up=True, device="A10G", nodes=("a", "a"), restarts=3),
    SlotRecord(name="slot-2", device="A10G", nodes=("b",), trials=4),
    SlotRecord(name="slot-3"),
    SlotRecord(name="slot-4", up=True, nodes=("a",), job="base"),
    SlotRecord(name="slot-5", up=True, nodes=("a",), job="test-3"),
    SlotRecord(name="slot-6", home=True, nodes=("a",), trials=1),
)


def seen(**changes) -> ClusterRecord:
    fields = {
        "at": 100.0,
        "slots": SLOTS,
        "nodes": NODES,
        "gpus": 4.0,
        "gpus_used": 2.0,
        "node_seconds": {"worker": 1800.0, "": 3600.0},
        "prices": {"worker": 1.5, "head": 0.2},
    }
    return ClusterRecord(**{**fields, **changes})


def picture(cluster, runs: bool, now: float = 100.0) -> list[str]:
    console = Console(width=120, file=io.StringIO())
    console.print(cluster_report(cluster, runs, now))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_running_sweep():
    assert picture(seen(), runs=True, now=104.0) == [
        "slots: 4 of 7 up; 3 nodes (1 head, 1 worker), 2 of 4 GPUs in use",
        "  slot    trials  restarts  now         on        node",
        "  slot-0       5         0  trial 12    2 × A10G  10.0.0.2 (worker), 10.0.0.3",
        "  slot-1       0         3  idle        A10G      10.0.0.2 (worker)",
        "  slot-2       4         0  down        A10G",
        "  slot-3       0         0  not up yet",
        "  slot-4       0         0  base model            10.0.0.2 (worker)",
        "  slot-5       0         0  test set              10.0.0.2 (worker)",
        "  slot-6       1         0  stopped",
        "cost so far: $0.75 for 30 min of worker; not included for lack of a price: "
        "60 min of nodes of unknown type",
    ]


def test_a_sweep_that_is_over():
    cluster = seen(slots=SLOTS[:2], node_seconds={"worker": 7200})
    assert picture(cluster, runs=False, now=1e9) == [
        "slots:",
        "  slot    trials  restarts  on",
        "  slot-0       5         0  2 × A10G",
        "  slot-1       0         3  A10G",
        "cost: $3.00 for 2 h 0 min of worker",
    ]


def test_a_picture_that_is_old_says_so():
    first, *_ = picture(seen(nodes=(), gpus=0.0), runs=True, now=400.0)
    assert first == "slots: 4 of 7 up; 0 nodes, as of 5 min ago"


@pytest.mark.parametrize(
    ("seconds", "prices", "line"),
    [
        ({}, {"worker": 1.0}, ""),
        ({"worker": 1800}, {}, "cost: no price for 30 min of worker"),
        ({"": 3600}, {}, ""),
        (
            {"a": 3600, "b": 7200},
            {"a": 1000, "b": 1},
            "cost: $1,002.00 for 60 min of a and 2 h 0 min of b",
        ),
    ],
)
def test_the_cost_in_a_line(seconds, prices, line):
    assert cost_line(seen(node_seconds=seconds, prices=prices), "cost") == line


def test_what_a_slot_is_at_is_told_with_its_job():
    steps, evaluating = PhaseRecord(text="training", done=3, total=20, unit="step"), "evaluating"
    phases = (steps, PhaseRecord(text=evaluating, done=1, total=4))
    slot = SlotRecord(name="slot-0", up=True, nodes=("a",), job="12", phases=phases)
    shown = picture(seen(slots=(slot,)), runs=True)
    assert any("trial 12, step 3 of 20, evaluating 25%" in line for line in shown)


def test_the_lanes_that_slots_have_found():
    found = (
        SLOTS[1].with_changes(limits=LimitsRecord(fit=120, pay=8, gain=2.13)),
        SLOTS[2].with_changes(limits=LimitsRecord(fit=3, pay=16)),
        SLOTS[3],
        SLOTS[4].with_changes(limits=LimitsRecord(fit=1, pay=1, untried="72 passes are few")),
    )
    shown = [line for line in picture(seen(slots=found), runs=False) if line.startswith("  slot-")]
    assert "  8: 120 fit, up to 8 pay, 2.1 times the tokens/s of one  " in shown[0]
    assert "  3: 3 fit, up to 16 pay  " in shown[1]
    assert "fit" not in shown[2]
    assert "  1: not tried, 72 passes are few" in shown[3]


def test_what_is_known_of_lanes_without_trying_is_said_below_the_slots():
    shown = picture(seen(slots=SLOTS[:1], lanes_said="4 a slot"), runs=False)
    assert shown[-2] == "lanes: 4 a slot"
