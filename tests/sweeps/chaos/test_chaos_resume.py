"""Sweeps that are interrupted, launched twice or resumed with something changed."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from books import (
    Steps,
    background,
    check_books,
    check_interrupted,
    folder_of,
    history,
    launch,
    outcome,
    output_of,
    points,
    real_tree,
    started,
    sweep,
    sweep_command,
    undisturbed,
    wait_until,
    write_spec,
)
from spec_samples import searching_tree, toy_tree

from results.records.record import TrialStatus

pytestmark = pytest.mark.chaos

log = logging.getLogger(__name__)


@pytest.mark.parametrize("by", ["Ctrl-C", "sweep stop"])
def test_an_interrupted_trial_goes_on_from_its_checkpoint(tmp_path, data, by):
    """From the one that it then writes; from the one before that where it is damaged meanwhile."""
    damaged = by == "sweep stop"
    tree = real_tree(
        data,
        budget={"trials": 1, "steps": 60, "evaluations": 6},
        slots={"count": 1, "checkpoint_seconds": 0 if damaged else 300},
    )
    with started(tree, tmp_path, until="real: ") as process:
        wait_until(lambda: points(tmp_path, "real") > 0)
        began = time.monotonic()
        if by == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        else:
            done = sweep("stop", "real", home=tmp_path)
            assert done.returncode == 0 and "sweep resume real" in done.stdout, done.stderr
        assert process.wait(timeout=120) == 130, output_of(tmp_path)
        log.info("%s: ended after %.0f s", by, time.monotonic() - began)
    folder = check_books(tmp_path, "real", trials=1)
    assert [r.status for r in folder.store.trials()] == [TrialStatus.INTERRUPTED]
    checkpoints = sorted(folder.store.trial_folder(0).glob("checkpoints/checkpoint-*"))
    assert len(checkpoints) == (2 if damaged else 1)
    if damaged:
        weights = checkpoints.pop() / "trained.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    last = int(checkpoints[0].name.removeprefix("checkpoint-"))
    assert 10 <= last < 60
    with (
        Steps(folder.store.trial_folder(0)) as steps,
        background(
            "resume", "real", "--set=slots.checkpoint_seconds=0", home=tmp_path, until="real: "
        ) as process,
    ):
        known = wait_until(lambda: steps.last > 0) and dict(steps.seen)
        began = time.monotonic()
        steps.wait_for(last + 3)
        log.info("on from step %d after %.0f s", last, time.monotonic() - began)
        assert process.wait(timeout=240) == 0, output_of(tmp_path)
    assert min(step for step, _ in steps.seen.keys() - known.keys()) == last + 1
    (record,) = check_books(tmp_path, "real", trials=1).store.trials()
    assert (record.status, record.attempts) == (TrialStatus.COMPLETE, 2)
    assert [m.point for m in record.measurements] == [1, 2, 3, 4, 5, 6]


@pytest.mark.ci
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_sweep_that_is_ended_keeps_what_was_measured(tmp_path, how):
    """Ray would take SIGTERM for itself. Both come to the group, as from a terminal, `timeout` and
    shells, and Ray's processes would end before the trials are saved."""
    tree = toy_tree(toy={"seconds": 0.3}, budget={"trials": 50, "evaluations": 4})
    with started(tree, tmp_path, until="trial 1 ") as process:
        os.killpg(process.pid, how)
        assert process.wait(timeout=90) == 130
    check_interrupted(tmp_path, "toy")


def test_a_second_ctrl_c_ends_at_once_and_the_sweep_can_be_resumed(tmp_path):
    tree = searching_tree(seconds=12.0, budget={"trials": 2, "evaluations": 1})
    with started(tree, tmp_path, until="toy: 2 trials") as process:
        wait_until(lambda: [r.status for r in trials(tmp_path)] == [TrialStatus.RUNNING])
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "Ctrl-C again" in output_of(tmp_path) or process.poll() is not None)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130, output_of(tmp_path)
        took = time.monotonic() - began
        log.info("second Ctrl-C: ended after %.0f s", took)
    assert [r.status for r in trials(tmp_path)] == [TrialStatus.INTERRUPTED]
    done = sweep("resume", "toy", home=tmp_path)
    assert done.returncode == 0, done.stderr
    check_books(tmp_path, "toy", trials=2)
    assert outcome(tmp_path, "toy") == undisturbed(tree, tmp_path)
    assert took < 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sweep_that_is_stopped_before_its_first_trial_leaves_its_name_free(tmp_path, number):
    with started(toy_tree(), tmp_path, until="Starting Ray") as process:
        time.sleep(1.0)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        assert process.wait(timeout=120) == 130, output_of(tmp_path)
        _, left = psutil.wait_procs(family, timeout=30)
        assert not left
    assert "there are no results to keep" in output_of(tmp_path)
    assert "Traceback" not in output_of(tmp_path)
    assert not folder_of(tmp_path, "toy").path.exists()


def test_of_two_launches_or_resumes_at_once_one_wins(tmp_path):
    tree = toy_tree(toy={"seconds": 0.1})
    first, second = together("launch", str(write_spec(tree, tmp_path)), home=tmp_path)
    assert first == (0, "")
    assert second[0] == 2 and "sweep 'toy' already exists; it is running" in second[1]
    more = ("--set", "budget.trials=8")
    first, second = together("resume", "toy", *more, home=tmp_path)
    assert first == (0, "")
    assert second[0] == 2 and "sweep 'toy' is " in second[1]  # its record may not yet say running
    assert "running; `sweep status toy`" in second[1] or "in use by another" in second[1]
    records = check_books(tmp_path, "toy", trials=8).store.trials()
    assert [record.attempts for record in records] == [1] * 8


def together(*arguments: str, home) -> list[tuple[int, str]]:
    """The exit codes of two such commands at the same moment, with what each said was wrong."""
    command = sweep_command(*arguments, home=home)
    both = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=240)[1] for each in both]
    return sorted(zip((each.returncode for each in both), said, strict=True))


def test_what_a_resume_takes_and_what_it_refuses(tmp_path, data, monkeypatch):
    here, elsewhere, home = (tmp_path / name for name in ("here", "elsewhere", "home"))
    for folder in (here, elsewhere, home):
        folder.mkdir()
    rows = here / "rows.json"
    shutil.copy(data / "sft/instruction-data.json", rows)
    tree = real_tree(data, budget={"trials": 2, "steps": 4, "evaluations": 1})
    tree["data"]["train"] = "rows.json"
    monkeypatch.chdir(here)
    done = launch(tree, home)
    assert done.returncode == 0, done.stderr
    before = history(folder_of(home, "real").store.trials())
    monkeypatch.chdir(elsewhere)

    (home / "mlflow.db").unlink()
    done = sweep("resume", "real", home=home)
    assert done.returncode == 0 and "adding missing entries to MLflow" in done.stdout, done.stderr
    assert history(check_books(home, "real", trials=2).store.trials()) == before

    for change in ("search.seed=2", "batch_size=2", "space.learning_rate={choice: [0.1]}"):
        done = sweep("resume", "real", "--set", change, home=home)
        assert done.returncode == 2 and f"\n  {change.partition('=')[0]}" in done.stderr

    killed_at_the_end(home)
    done = sweep("resume", "real", home=home)
    assert done.returncode == 0, done.stderr
    folder = check_books(home, "real", trials=2)
    assert folder.sweep_record().state.value == "complete"

    more = ("budget.trials=3", "slots.checkpoint_seconds=1")
    done = sweep("resume", "real", *(f"--set={each}" for each in more), home=home)
    assert done.returncode == 0, done.stderr
    assert history(check_books(home, "real", trials=3).store.trials()[:2]) == before

    rows.write_text(json.dumps(json.loads(rows.read_text())[1:]))
    done = sweep("resume", "real", "--set", "budget.trials=4", home=home)
    assert done.returncode == 2 and "its data has changed since the launch" in done.stderr


def killed_at_the_end(home) -> None:
    """As if the process had been killed between its last trial and its last word."""
    file = folder_of(home, "real").books
    gone = subprocess.Popen(["true"])
    gone.wait()
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "state": "running", "ended": None, "pid": gone.pid}))


def trials(home):
    return folder_of(home, "toy").store.trials()
