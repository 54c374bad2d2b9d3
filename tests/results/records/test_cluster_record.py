from __future__ import annotations

import pytest

from results.ranking.summary import cluster_json
from results.records.cluster_record import ClusterRecord, NodeRecord, SlotRecord
from results.records.record_error import RecordError
from results.records.store import RecordStore


def seen(**changes) -> ClusterRecord:
    fields = {
        "at": 100.0,
        "slots": [
            SlotRecord(name="slot-0", up=True, nodes=("a", "b"), trials=7, restarts=1, job="9"),
            SlotRecord(name="slot-1"),
        ],
        "nodes": [NodeRecord(id="a", host="10.0.0.1", kind="worker", gpus=1)],
        "gpus": 4.0,
        "gpus_used": 2.0,
        "node_seconds": {"worker": 1800.0, "": 3600.0},
        "prices": {"worker": 1.5, "head": 0.2},
    }
    return ClusterRecord(**{**fields, **changes})


def test_it_survives_the_disk(tmp_path):
    store = RecordStore(tmp_path)
    assert store.cluster() is None
    store.write_cluster(seen())
    assert store.cluster() == seen()


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "cluster.json").write_text("{")
    with pytest.raises(RecordError, match=r"cluster\.json"):
        RecordStore(tmp_path).cluster()


def test_what_has_no_price_is_not_counted():
    assert seen().cost == 0.75
    assert seen(prices={}).cost is None
    assert seen(prices={"other": 3.0}).cost is None
    assert seen().priced({"worker": 2.0}).cost == 1.0
    assert seen().priced({"": 1.0}).cost == 1.75


def test_scripts_read_it_with_hosts_in_place_of_ids():
    assert cluster_json(seen()) == {
        "at": 100.0,
        "slots": [
            {
                "name": "slot-0",
                "up": True,
                "job": "9",
                "trials": 7,
                "restarts": 1,
                "device": "",
                "hosts": ["10.0.0.1"],
            },
            {
                "name": "slot-1",
                "up": False,
                "job": None,
                "trials": 0,
                "restarts": 0,
                "device": "",
                "hosts": [],
            },
        ],
        "nodes": [{"host": "10.0.0.1", "type": "worker", "cpus": 0.0, "gpus": 1.0}],
        "gpus": {"total": 4.0, "in_use": 2.0},
        "node_hours": {"worker": 0.5, "": 1.0},
        "cost": 0.75,
        "unpriced": [""],
    }
