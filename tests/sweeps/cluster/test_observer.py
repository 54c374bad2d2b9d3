from __future__ import annotations

import pytest

from results.records.cluster_record import ClusterRecord, NodeRecord, SlotRecord
from results.records.store import RecordStore
from sweeps.cluster.observer import Observer, lanes_on_record, node_record, slot_record
from trainables.board.board_client import BoardClient
from trainables.board.slot_state import SlotState
from trainables.lanes.limits import LaneLimits
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
    state = SlotState("slot-0", True, "A10G", ("n",), starts=3, trials=2, job="5", sent_back=4)
    record = slot_record("slot-0", state)
    assert (record.restarts, record.sent_back) == (2, 4)


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


@pytest.mark.ray
def test_the_lanes_that_slots_find_are_kept_for_a_resume(ray_cluster, tmp_path):
    store = RecordStore(tmp_path)
    assert lanes_on_record(store) == {}
    board = BoardClient.start({"eval_loss": "min"}, 1, 1, {})
    board.hello("slot-0", "A10G", ["here"])
    found = LaneLimits(fit=40, pay=8, tokens=4096, gain=2.5)
    board.limit_lanes("slot-0", "lora", found)
    said = "auto, found by each slot at its first trial"
    observer = Observer(board, 1, SlotSize(1, 1, 0), store, {}, lanes_said=said)
    observer.start()
    observer.close()

    assert store.cluster().lanes_said == said
    again = BoardClient.start({"eval_loss": "min"}, 1, 1, {})
    again.know_lanes(lanes_on_record(store))
    again.hello("slot-0", "A10G", ["here"])
    assert again.lane_limits("slot-0", "lora") == found

    (tmp_path / "cluster.json").write_text("damaged")
    assert lanes_on_record(store) == {}


class Gone:
    def overview(self): ...
