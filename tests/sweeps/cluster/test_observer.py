from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from spec_samples import toy_tree

from results.records.cluster_record import ClusterRecord, NodeRecord, SlotRecord
from results.records.record import SweepState
from results.records.store import RecordStore
from sweeps import Sweep
from sweeps.base.view import View
from sweeps.cluster.observer import Observer, node_record, slot_record
from sweeps.home.home import SweepHome
from trainables.board.board_client import BoardClient
from trainables.board.slot_state import SlotState
from trainables.slots.slot_size import SlotSize


def test_a_node_as_ray_lists_it():
    node = {
        "NodeID": "ab12",
        "Alive": True,
        "NodeManagerHostname": "worker-7",
        "Resources": {"CPU": 8.0, "GPU": 1.0, "memory": 1.0},
        "Labels": {"ray.io/node-group": "worker", "ray.io/node-id": "ab12"},
    }
    assert node_record(node) == NodeRecord(
        id="ab12", host="worker-7", kind="worker", cpus=8, gpus=1
    )
    assert node_record({**node, "Labels": {}, "Resources": {}}).kind == ""


def test_restarts_are_the_lives_after_the_first():
    assert slot_record("slot-3", None) == SlotRecord(name="slot-3")
    state = SlotState("slot-0", True, "A10G", ("n",), starts=3, trials=2, job="5")
    assert slot_record("slot-0", state).restarts == 2


@pytest.mark.ray
def test_a_sweep_is_seen_while_it_runs_and_what_it_held_adds_up(ray_cluster, tmp_path, monkeypatch):
    """Off the main thread, and on the Ray to which this process is connected, as in a notebook."""
    monkeypatch.setattr("sweeps.cluster.observer.EVERY", 0.1)
    store = SweepHome(tmp_path).sweep("toy").store
    tree = toy_tree(
        budget={"trials": 4, "evaluations": 2},
        toy={"seconds": 1.0},
        slots={"count": 1, "cpus": 1, "prices": {"": 3600.0}},
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(Sweep.from_dict(tree).launch, tmp_path, None, View())
        seen = wait_for(store, running, lambda cluster: cluster.slots[0].job == "2")
        result = running.result(timeout=300)
    assert result.sweep.state is SweepState.COMPLETE and len(result.frame()) == 4
    assert ray_cluster.is_initialized(), "it is left alone"
    (slot,), (node,) = seen.slots, seen.nodes
    assert (slot.up, slot.trials, slot.restarts) == (True, 2, 0)
    assert slot.nodes == (node.id,) and slot.device.endswith("CPU")
    assert (node.cpus, node.gpus, seen.gpus) == (2, 0, 0)
    ended = store.cluster()
    assert ended.slots[0].trials == 4
    assert ended.node_seconds[""] > seen.node_seconds[""] > 0.5
    # Half of the node's cores, from the base model's measurement to the end of four seconds.
    assert ended.node_seconds[""] >= 4 * 0.5
    assert ended.cost == pytest.approx(ended.node_seconds[""]), "a dollar a second"


def test_a_fault_of_the_observer_is_told(tmp_path):
    broken = []
    observer = Observer(
        BoardClient(Gone()), 1, SlotSize(1, 1, 0), RecordStore(tmp_path), {}, broken.append
    )
    observer.start()
    observer.close()
    assert "AttributeError" in broken[0] and "`sweep status` no longer updates" in broken[0]


@pytest.mark.ray
def test_who_looks_at_a_board_that_is_gone_leaves_what_was_counted(ray_cluster, tmp_path):
    store = RecordStore(tmp_path)
    before = ClusterRecord(at=1.0, node_seconds={"worker": 5.0})
    store.write_cluster(before)
    board = ray_cluster.remote(Gone).options(num_cpus=0).remote()
    ray_cluster.kill(board)
    observer = Observer(BoardClient(board), 1, SlotSize(1, 1, 0), store, {})
    observer.start()
    observer.close()
    assert store.cluster() == before


class Gone:
    def overview(self): ...


def wait_for(store: RecordStore, sweep: Future, condition) -> ClusterRecord:
    until = time.monotonic() + 200
    while not ((cluster := store.cluster()) and condition(cluster)):
        assert not sweep.done(), sweep.result()
        assert time.monotonic() < until, cluster
        time.sleep(0.02)
    return cluster
