"""A node that will be taken away: its trial goes on elsewhere from where it was."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from books import (
    Steps,
    check_books,
    folder_of,
    losses_alone,
    losses_of,
    output_of,
    points,
    processes,
    real_tree,
    started,
    wait_until,
)

from results.records.record import TrialStatus
from trainables.board.nodes import LOOK_EVERY

pytestmark = pytest.mark.cluster

log = logging.getLogger(__name__)
"""How long it took; pytest shows it with --log-cli-level=INFO."""

WORKER = {"num_cpus": 1, "object_store_memory": 10**8}


def drain(address: str, node: str, seconds: int) -> None:
    """What a cloud's autoscaler does, or KubeRay."""
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "drain-node", "--address", address, "--node-id", node]
    command += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot"]
    subprocess.run([*command, "--deadline-remaining-seconds", str(seconds)], check=True)


@contextmanager
def nobody_training() -> Iterator[None]:
    """However fast this machine is, a trial does not come to its end meanwhile."""
    workers = processes(psutil.Process(), "RayTrainWorker")
    assert workers
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


@pytest.mark.parametrize(("period", "workers"), [(0, 1), (300, 2)])
def test_a_real_trial_goes_on_from_its_last_step_on_another_node(
    nodes, tmp_path, data, monkeypatch, period, workers
):
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    slots = {"count": 1, "workers": workers, "cpus": 1, "gpus": 0}
    slots |= {"checkpoint_seconds": period, "retries": 0}
    budget = {"trials": 2, "steps": 40, "evaluations": 8}
    tree = real_tree(data, budget=budget, slots=slots)
    first, *_ = (nodes.add_node(**WORKER) for _ in range(workers))
    with (
        started(tree, tmp_path, until="real: ") as process,
        Steps(folder_of(tmp_path, "real").store.trial_folder(0)) as steps,
    ):
        wait_until(lambda: points(tmp_path, "real") > 0)
        with nobody_training():
            nodes.add_node(**WORKER)
            drain(nodes.address, first.node_id, seconds=100)
            time.sleep(2 * LOOK_EVERY)
        log.info("drained: empty after %.0f s", wait_until(lambda: bool(first.dead_processes())))
        measured = points(tmp_path, "real")
        left, count = steps.last, len(steps.seen)
        assert 0 < left < 40, "it was laid aside in mid-trial"
        back = wait_until(lambda: points(tmp_path, "real") > measured)
        log.info("back %.0f s after that", back)
        assert process.wait(timeout=240) == 0, output_of(tmp_path)
        made_after = [step for step, _ in list(steps.seen)[count:]]
    assert all(step > left for step in made_after), "no step is made again"
    assert (count, made_after) == (1, []) if period else count > 1 and 39 in made_after
    folder = check_books(tmp_path, "real", trials=2)
    records = folder.store.trials()
    assert {record.status for record in records} == {TrialStatus.COMPLETE}
    assert [record.attempts for record in records] == [2, 1]
    assert losses_of(folder) == pytest.approx(losses_alone(tree, records, tmp_path), abs=1e-4)
