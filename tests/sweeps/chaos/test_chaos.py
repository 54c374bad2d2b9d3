"""Processes that a sweep stands on are killed in mid-trial, and it goes on as if nothing were."""

from __future__ import annotations

import logging
import platform
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil
import pytest
from books import (
    Steps,
    background,
    check_books,
    end,
    folder_of,
    history,
    kill_driver,
    losses_alone,
    losses_of,
    outcome,
    output_of,
    points,
    processes,
    real_tree,
    started,
    undisturbed,
    wait_until,
)
from spec_samples import searching_tree, toy_tree

from results.records.record import TrialStatus

pytestmark = pytest.mark.chaos

log = logging.getLogger(__name__)
"""How long it took; pytest shows it with --log-cli-level=INFO."""

WORKER, CLIENT, BOARD = "RayTrainWorker", "ResourceTrainable", "Board"
"""In the titles of Ray's processes."""


@pytest.mark.ci
def test_a_sweep_heals_by_itself(tmp_path):
    """Without a worker, without the client of a trial, and without its board."""
    # On busy cores a short trial has ended when its first evaluation is read from its record.
    tree = searching_tree(seconds=4.0)
    histories = []
    with started(tree, tmp_path, until="toy: 6 trials") as process:
        for trial, victim in {1: WORKER, 2: CLIENT, 3: BOARD}.items():
            histories.append(in_mid_trial(tmp_path, trial))
            kill(processes(process, victim))
            log.info("%s killed: back after %.0f s", victim, until_measured(tmp_path, "toy"))
        assert process.wait(timeout=240) == 0, output_of(tmp_path)
    records = check_books(tmp_path, "toy", trials=6).store.trials()
    assert {record.status for record in records} == {TrialStatus.COMPLETE}
    assert all(history(records[: len(before)]) == before for before in histories)
    assert [record.attempts for record in records] == [1, 2, 1, 2, 1, 1]
    assert {record.provenance.device for record in records} == {f"{platform.machine()} CPU"}
    assert outcome(tmp_path, "toy") == undisturbed(tree, tmp_path)


@pytest.mark.parametrize(
    "victims",
    [(), pytest.param(("raylet", "gcs_server"), marks=pytest.mark.ci)],
    ids=["driver", "head"],
)
def test_a_sweep_whose_driver_is_killed_is_resumed(tmp_path, victims):
    with started(searching_tree(seconds=0.5), tmp_path, until="trial 1 ") as process:
        before = in_mid_trial(tmp_path, trial=2)
        kill_driver(process, *victims)
    log.info("driver %s killed", " and ".join(victims))
    resumed_as_if_nothing_were(tmp_path, before)


@pytest.mark.parametrize("victims", [("gcs_server",), ("raylet", "gcs_server")])
def test_a_sweep_whose_ray_is_killed_ends_by_itself_and_is_resumed(tmp_path, victims):
    with started(searching_tree(seconds=0.5), tmp_path, until="trial 1 ") as process:
        before = in_mid_trial(tmp_path, trial=2)
        family = processes(process)
        kill([each for victim in victims for each in processes(process, victim)])
        gone = wait_until(lambda: process.poll() is not None)
        end(family)
    log.info("%s killed: driver gone after %.0f s", " and ".join(victims), gone)
    last_words = output_of(tmp_path).splitlines()[-1]
    assert process.returncode == 2, "Ray's own end has another code"
    assert "head process (GCS) no longer answers" in last_words
    assert last_words.endswith(f"To resume: sweep resume toy --home {tmp_path}")
    resumed_as_if_nothing_were(tmp_path, before)


def resumed_as_if_nothing_were(home: Path, before: list[tuple]) -> None:
    left = folder_of(home, "toy").store.trials()
    measured, began = points(home, "toy"), time.monotonic()
    with background("resume", "toy", home=home, until="toy: 6 trials") as process:
        wait_until(lambda: points(home, "toy") > measured)
        log.info("back %.0f s after `sweep resume`", time.monotonic() - began)
        assert process.wait(timeout=240) == 0, output_of(home)
    records = check_books(home, "toy", trials=6).store.trials()
    assert {record.status for record in records} == {TrialStatus.COMPLETE}
    assert history(records[:2]) == before
    tries = [record.attempts + (not record.status.ended) for record in left]
    assert [record.attempts for record in records] == [*tries, *[1] * (6 - len(left))]
    assert outcome(home, "toy") == undisturbed(searching_tree(seconds=0.5), home)


def in_mid_trial(home: Path, trial: int) -> list[tuple]:
    """Wait until the trial has been measured; the history of those before it."""

    def is_under_way() -> bool:
        records = folder_of(home, "toy").store.trials()
        return len(records) > trial and len(records[trial].measurements) > 0

    wait_until(is_under_way)
    return history(folder_of(home, "toy").store.trials()[:trial])


def until_measured(home: Path, name: str) -> float:
    """How long it takes until the next evaluation is on record."""
    known = points(home, name)
    return wait_until(lambda: points(home, name) > known)


def kill(victims: list[psutil.Process]) -> None:
    assert victims, "nobody there to be killed"
    for victim in victims:
        victim.kill()


@pytest.mark.parametrize(("victims", "workers"), [((WORKER, BOARD), 1), (("rank 1",), 2)])
def test_real_trials_go_on_from_their_last_steps(tmp_path, data, victims, workers):
    slots = {"count": 1, "checkpoint_seconds": 0, "workers": workers}
    budget = {"trials": len(victims), "steps": 40, "evaluations": 8}
    tree = real_tree(data, budget=budget, slots=slots)
    with started(tree, tmp_path, until="real: ") as process:
        for trial, victim in enumerate(victims):
            with Steps(folder_of(tmp_path, "real").store.trial_folder(trial)) as steps:
                steps.wait_for(10)
                found = processes(process, BOARD if victim == BOARD else WORKER)
                kill([each for each in found if workers == 1 or is_rank(each, 1)])
                last, count = steps.last, len(steps.seen)
                log.info(
                    "%s killed in training: back after %.0f s", victim, steps.wait_for(last + 2)
                )
                steps.wait_for(30)
            made_after = [step for step, _ in list(steps.seen)[count:]]
            assert min(made_after) >= last, "no step is made again"
        assert process.wait(timeout=240) == 0, output_of(tmp_path)
    folder = check_books(tmp_path, "real", trials=len(victims))
    records = folder.store.trials()
    assert [record.attempts for record in records] == [2] * len(victims)
    assert losses_of(folder) == pytest.approx(losses_alone(tree, records, tmp_path), abs=1e-4)


def is_rank(process: psutil.Process, rank: int) -> bool:
    """A rank that trains keeps a file open for its watchdog."""
    return any(file.path.endswith(f"hang-rank{rank}.txt") for file in process.open_files())


def test_two_hundred_trials_leave_a_slot_as_it_was_after_a_third_of_them(tmp_path):
    search = {"seed": 1, "sampler": "random", "early_stopping": "none"}
    tree = toy_tree(budget={"trials": 200, "evaluations": 1}, search=search, slots={"count": 1})
    seen = []
    with started(tree, tmp_path, until="trial 9 ") as process:
        (worker,) = processes(process, WORKER)
        while process.poll() is None:
            with suppress(psutil.Error):
                held = worker.memory_info().rss / 2**20
                seen.append((held, worker.num_fds(), worker.num_threads()))
            time.sleep(0.2)
    assert process.returncode == 0
    records = check_books(tmp_path, "toy", trials=200).store.trials()
    assert [record.attempts for record in records] == [1] * 200
    third = len(seen) // 3
    # A socket or a thread may be there for a moment; one that is left behind stays.
    first, last = (
        [median(each) for each in zip(*part, strict=True)] for part in (seen[:third], seen[-third:])
    )
    log.info("200 trials: megabytes, files, threads %s, then %s", first, last)
    assert last[0] < first[0] + 16
    assert all(now <= then for now, then in zip(last[1:], first[1:], strict=True))
