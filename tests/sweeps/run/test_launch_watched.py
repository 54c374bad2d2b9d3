"""A sweep that is watched while it runs, and asked for trials and for the end of one of them."""

from __future__ import annotations

import io
import re
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from books import check_books, folder_of, wait_until, winners_of
from rich.console import Console
from spec_samples import toy_tree

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepState, TrialStatus
from results.records.store import RecordStore
from sweeps import Sweep, SweepResult
from sweeps.display.plain import PlainView
from sweeps.home.home import SweepHome
from sweeps.run import by_hand

pytestmark = pytest.mark.ray


@dataclass(frozen=True)
class Watched:
    """A sweep of three trials of three seconds, and two by hand; `seen` is its cluster during the
    last of them."""

    home: Path
    told: str
    seen: ClusterRecord
    ended: ClusterRecord
    result: SweepResult


@pytest.fixture(scope="module")
def watched(ray_cluster, tmp_path_factory) -> Watched:
    """Off the main thread, and on the Ray to which this process is connected, as in a notebook."""
    home, out = tmp_path_factory.mktemp("watched"), io.StringIO()
    store = SweepHome(home).sweep("toy").store
    tree = toy_tree(
        budget={"trials": 3, "evaluations": 4},
        toy={"seconds": 0.75},
        slots={"count": 1, "cpus": 1, "prices": {"": 3600.0}},
    )
    with (
        pytest.MonkeyPatch.context() as patched,
        PlainView(Console(file=out, width=200), every=0.5) as view,
        ThreadPoolExecutor(1) as pool,
    ):
        patched.setattr("sweeps.cluster.observer.EVERY", 0.1)
        running = pool.submit(Sweep.from_dict(tree).launch, home, view=view)
        threading.Thread(target=ask, args=[home], daemon=True).start()
        seen = wait_for(store, running, lambda cluster: cluster.slots[0].job == "4")
        result = running.result(timeout=300)
    return Watched(home, out.getvalue(), seen, store.cluster(), result)


def ask(home: Path) -> None:
    """Two trials while the first one is trained, and the end of the fourth as soon as it runs."""
    folder = folder_of(home, "toy")
    wait_until((folder.store.trial_folder(0) / "record.json").exists)
    by_hand.add(folder, ["learning_rate=3e-4", "lora.rank=16"])
    by_hand.clone(folder, 0, [])
    wait_until((folder.store.trial_folder(3) / "record.json").exists)
    by_hand.stop(folder, 3)


def wait_for(store: RecordStore, sweep: Future, condition) -> ClusterRecord:
    until = time.monotonic() + 200
    while not ((cluster := store.cluster()) and condition(cluster)):
        assert not sweep.done(), sweep.result()
        assert time.monotonic() < until, cluster
        time.sleep(0.1)
    return cluster


def test_a_pipe_hears_of_whatever_takes_longer_than_the_interval(watched):
    told = watched.told
    # A slot's workers take seconds to start, and a trial three, in which it says where it is.
    assert re.search(r"^Measuring the untouched base model: 0 of 1 slots up \(\d+ s so", told, re.M)
    told_of = r"^toy: (\d) of \d trials .*: trial (\d) (?:step (\d+) of 40)?"
    running = re.findall(told_of, told, re.M)
    assert all(ended == trial for ended, trial, _ in running), told
    assert {int(trial) for _, trial, _ in running} >= {0, 1, 2, 4}, told
    assert {int(step) for *_, step in running if step} & {10, 20, 30}, told
    assert "s left)" in told


def test_a_sweep_is_seen_while_it_runs_and_what_it_held_adds_up(watched, ray_cluster):
    assert watched.result.sweep.state is SweepState.COMPLETE and len(watched.result.frame()) == 5
    assert ray_cluster.is_initialized(), "it is left alone"
    seen, ended = watched.seen, watched.ended
    (slot,), (node,) = seen.slots, seen.nodes
    assert (slot.up, slot.trials, slot.restarts) == (True, 4, 0)
    assert slot.nodes == (node.id,) and slot.device.endswith("CPU")
    assert (node.cpus, node.gpus, seen.gpus) == (2, 0, 0)
    assert ended.slots[0].trials == 5
    assert ended.node_seconds[""] > seen.node_seconds[""] > 0.5
    # Half of the node's cores, from the base model's measurement to the end of four whole trials.
    assert ended.node_seconds[""] >= 12 * 0.5
    assert ended.cost == pytest.approx(ended.node_seconds[""]), "a dollar a second"


def test_trials_are_added_before_others_and_stopped_and_all_books_know(watched):
    folder = check_books(watched.home, "toy", trials=5)
    first, added, clone, stopped, last = folder.store.trials()
    assert added.params == {"learning_rate": 3e-4, "lora.rank": 16}
    assert added.added_by_hand and clone.added_by_hand
    assert not (first.added_by_hand or last.added_by_hand)
    assert clone.params == first.params and clone.cloned_from == 0
    assert clone.config["seed"] != first.config["seed"]
    assert stopped.status is TrialStatus.PRUNED and stopped.stopped_by_hand
    assert len(stopped.measurements) < 4 and last.status is TrialStatus.COMPLETE
    (left_out,) = winners_of(watched.home, "toy")["left_out"]
    assert left_out["why"].startswith("stopped by hand ")
    for said in ("a trial with learning_rate 0.0003, lora.rank 16", "trial 3 is to stop"):
        assert f"By hand: {said}" in watched.told
