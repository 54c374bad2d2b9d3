"""A sweep that is watched while it runs: what a pipe hears of it, and what its records say."""

from __future__ import annotations

import io
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from rich.console import Console
from spec_samples import toy_tree

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepState
from results.records.store import RecordStore
from sweeps import Sweep, SweepResult
from sweeps.display.plain import PlainView
from sweeps.home.home import SweepHome

pytestmark = pytest.mark.ray


@dataclass(frozen=True)
class Watched:
    """A sweep of three trials of four seconds; `seen` is its cluster during the last of them."""

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
        toy={"seconds": 1.0},
        slots={"count": 1, "cpus": 1, "prices": {"": 3600.0}},
    )
    with (
        pytest.MonkeyPatch.context() as patched,
        PlainView(Console(file=out, width=200), every=0.5) as view,
        ThreadPoolExecutor(1) as pool,
    ):
        patched.setattr("sweeps.cluster.observer.EVERY", 0.1)
        running = pool.submit(Sweep.from_dict(tree).launch, home, view=view)
        seen = wait_for(store, running, lambda cluster: cluster.slots[0].job == "2")
        result = running.result(timeout=300)
    return Watched(out.getvalue(), seen, store.cluster(), result)


def wait_for(store: RecordStore, sweep: Future, condition) -> ClusterRecord:
    until = time.monotonic() + 200
    while not ((cluster := store.cluster()) and condition(cluster)):
        assert not sweep.done(), sweep.result()
        assert time.monotonic() < until, cluster
        time.sleep(0.02)
    return cluster


def test_a_pipe_hears_of_whatever_takes_longer_than_the_interval(watched):
    told = watched.told
    # A slot's workers take seconds to start, and a trial four, in which it says where it is.
    assert re.search(r"^Measuring the untouched base model: 0 of 1 slots up \(\d+ s so", told, re.M)
    running = re.findall(r"^toy: (\d) of 3 trials .*: trial (\d) (?:step (\d+) of 40)?", told, re.M)
    trials = {(str(number), str(number)) for number in range(3)}
    assert {(ended, trial) for ended, trial, _ in running} == trials, told
    assert {int(step) for *_, step in running if step} & {10, 20, 30}, told
    assert "s left)" in told


def test_a_sweep_is_seen_while_it_runs_and_what_it_held_adds_up(watched, ray_cluster):
    assert watched.result.sweep.state is SweepState.COMPLETE and len(watched.result.frame()) == 3
    assert ray_cluster.is_initialized(), "it is left alone"
    seen, ended = watched.seen, watched.ended
    (slot,), (node,) = seen.slots, seen.nodes
    assert (slot.up, slot.trials, slot.restarts) == (True, 2, 0)
    assert slot.nodes == (node.id,) and slot.device.endswith("CPU")
    assert (node.cpus, node.gpus, seen.gpus) == (2, 0, 0)
    assert ended.slots[0].trials == 3
    assert ended.node_seconds[""] > seen.node_seconds[""] > 0.5
    # Half of the node's cores, from the base model's measurement to the end of twelve seconds.
    assert ended.node_seconds[""] >= 12 * 0.5
    assert ended.cost == pytest.approx(ended.node_seconds[""]), "a dollar a second"
