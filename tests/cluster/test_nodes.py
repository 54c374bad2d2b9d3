"""Sweeps on several Ray nodes of this machine: slots over two of them, nodes that come and go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from results.mlflow.tracking import read_sweep
from results.records.record import TrialRecord, TrialStatus
from sweeps.home.home import SweepHome

pytestmark = pytest.mark.cluster


def add(nodes, count: int = 1) -> list:
    return [nodes.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(count)]


def toy(name: str, trials: int, seconds: float = 0.5, **slots) -> dict:
    return {
        "name": name,
        "model": "toy",
        "objective": "toy",
        "budget": {"trials": trials, "evaluations": 4},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {"learning_rate": {"log_uniform": [1e-6, 1e-1]}},
        "toy": {"seconds": seconds},
        "slots": {"cpus": 1, "gpus": 0, **slots},
    }


@contextmanager
def launched(tree: dict, home: Path, nodes) -> Iterator[subprocess.Popen]:
    spec = home / f"{tree['name']}.yaml"
    spec.write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "sweeps.cli", "launch", str(spec), "--home", str(home)]
    log = (home / f"{tree['name']}.log").open("w")
    command += ["--address", nodes.address]
    with log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


def trials(home: Path, name: str) -> list[TrialRecord]:
    return SweepHome(home).sweep(name).store.trials()


def wait_for_trials(home: Path, name: str, ended: int) -> None:
    until = time.monotonic() + 200
    while sum(trial.status.ended for trial in trials(home, name)) < ended:
        assert time.monotonic() < until, (home / f"{name}.log").read_text()
        time.sleep(0.3)


def check(home: Path, name: str, process: subprocess.Popen, count: int) -> list[TrialRecord]:
    """The sweep has ended well, with each trial once in the folder and in MLflow."""
    assert process.wait(timeout=300) == 0, (home / f"{name}.log").read_text()
    records = trials(home, name)
    assert [record.number for record in records] == list(range(count))
    assert {record.status for record in records} == {TrialStatus.COMPLETE}
    assert read_sweep(SweepHome(home).tracking_uri, name)[1] == records
    return records


def overlapping(records: list[TrialRecord]) -> int:
    """How many trials began before the one before them had ended."""
    return sum(b.started < a.ended for a, b in pairwise(records))


def test_slots_grow_with_the_cluster(nodes, tmp_path):
    add(nodes)
    # Longer than Tune's client of the second trial at a time takes to start on a busy machine.
    tree = toy("grows", 12, seconds=3.0, max=2)
    with launched(tree, tmp_path, nodes) as process:
        wait_for_trials(tmp_path, "grows", 2)
        add(nodes)
        records = check(tmp_path, "grows", process, 12)
    assert overlapping(records[:2]) == 0, "with one node, one after the other"
    assert overlapping(records[2:]) >= 2


def test_fewer_nodes_are_fewer_slots_and_not_a_dead_sweep(nodes, tmp_path):
    _, second = add(nodes, 2)
    with launched(toy("shrinks", 10, max=2, min=2), tmp_path, nodes) as process:
        wait_for_trials(tmp_path, "shrinks", 2)
        nodes.remove_node(second, allow_graceful=False)
        records = check(tmp_path, "shrinks", process, 10)
    assert sorted({record.attempts for record in records}) == [1, 2], "one was on that node"


def test_two_sweeps_share_a_cluster(nodes, tmp_path):
    add(nodes, 2)
    one, two = (toy(name, 5, count=1) for name in ("one", "two"))
    with launched(one, tmp_path, nodes) as first, launched(two, tmp_path, nodes) as second:
        check(tmp_path, "one", first, 5)
        check(tmp_path, "two", second, 5)


def test_a_slot_over_two_nodes_finds_the_same_losses_as_one_worker(nodes, tmp_path):
    if "SWEEP_TEST_DATA" not in os.environ:
        pytest.skip("SWEEP_TEST_DATA names no folder with real data")
    data = Path(os.environ["SWEEP_TEST_DATA"])
    add(nodes, 2)
    tree = {
        "model": str(data / "models/stories260K_hf"),
        "objective": "sft",
        "data": {"train": str(data / "sft/instruction-data.json"), "max_length": 256},
        "precision": "fp32",
        "budget": {"trials": 2, "steps": 4, "evaluations": 2},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {"learning_rate": {"log_uniform": [1e-3, 2e-2]}},
    }
    alone = {"cpus": 1, "gpus": 0, "count": 1}
    losses = {}
    for name, slots in (
        ("alone", alone),
        ("spread", {**alone, "workers": 2, "deepspeed": {"zero_stage": 2}}),
    ):
        with launched({**tree, "name": name, "slots": slots}, tmp_path, nodes) as process:
            records = check(tmp_path, name, process, 2)
        losses[name] = [m.metrics["eval_loss"] for r in records for m in r.measurements]
    assert losses["spread"] == pytest.approx(losses["alone"], abs=1e-4)
