"""Sweeps whose slot trains several trials side by side, disturbed and undisturbed."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import tiny_training as tiny
from books import (
    Steps,
    background,
    check_books,
    folder_of,
    kill_driver,
    launch,
    losses_alone,
    losses_of,
    output_of,
    processes,
    real_tree,
    started,
    wait_until,
)

from results.records.record import TrialStatus

pytestmark = pytest.mark.chaos

log = logging.getLogger(__name__)

LANES = {"count": 1, "lanes": 3, "checkpoint_seconds": 0, "retries": 0}

LONG = {"trials": 4, "steps": 80, "evaluations": 4}


STABLE = {"learning_rate": {"log_uniform": [3e-4, 3e-3]}, "lora.rank": {"choice": [4, 8]}}
"""Rates at which rounding does not grow: at 1e-2 two trainings whose base differs in the last bit
differ by 0.05 in the loss after 80 steps, in whatever code."""


def lane_tree(data, **changes):
    fixed = {"name": "lanes", "slots": LANES, "budget": LONG, "space": STABLE, "batch_size": 4}
    return real_tree(data, **{**fixed, **changes})


def finished(home: Path, data) -> list:
    """The records of a sweep of `lane_tree` at its end, each as if it had trained alone."""
    folder = check_books(home, "lanes", trials=4)
    records = folder.store.trials()
    assert {record.status for record in records} == {TrialStatus.COMPLETE}
    assert max(record.lanes for record in records) == 3
    alone = losses_alone(lane_tree(data), records, home)
    assert losses_of(folder) == pytest.approx(alone, abs=1e-5)
    return records


def alike(ours: dict, theirs: dict) -> None:
    """Rounding may decide for which of two words a token is counted as right."""
    assert ours["eval_loss"] == pytest.approx(theirs["eval_loss"], abs=1e-5)
    assert ours == pytest.approx(theirs, rel=1e-3, abs=2e-3)


def until_all_lanes_train(home: Path, least: int) -> None:
    """Until each of the first three trials has written a checkpoint at this step or later."""
    with ExitStack() as all_of_them:
        folders = [folder_of(home, "lanes").store.trial_folder(number) for number in range(3)]
        watched = [all_of_them.enter_context(Steps(folder)) for folder in folders]
        for steps in watched:
            steps.wait_for(least)


ASHA = {"early_stopping": "asha"}

PATIENCE = {"early_stopping": "none", "trial_patience": 1, "min_delta": 0.16}


@pytest.mark.parametrize("rule", [ASHA, PATIENCE], ids=["asha", "patience"])
def test_with_six_lanes_a_sweep_measures_what_it_does_with_one(tmp_path, data, rule):
    """24 trials by a random sampler, whose suggestions depend on no result.

    ASHA compares a trial with those that were there before it, so which trials it stops depends on
    their order, and a trial may go further in one sweep than in the other; as far as it went in
    both, all is equal. A rule that looks at one trial stops the same ones: all records are equal.
    """
    found = {}
    for name, lanes in (("one", 1), ("six", 6)):
        tree = real_tree(
            data,
            name=name,
            budget={"trials": 24, "steps": 8, "evaluations": 4},
            search={"seed": 1, "sampler": "random", **rule},
            space=STABLE,
            batch_size=4,
            slots={"count": 1, "lanes": lanes},
        )
        done = launch(tree, tmp_path)
        assert done.returncode == 0, done.stderr
        found[name] = check_books(tmp_path, name, trials=24).store.trials()
    assert max(record.lanes for record in found["six"]) == 6
    compared = 0
    for one, six in zip(found["one"], found["six"], strict=True):
        assert six.params == one.params and six.config["seed"] == one.config["seed"]
        assert six.attempts == one.attempts == 1 and six.error is None
        for ours, theirs in zip(six.measurements, one.measurements, strict=False):
            assert (ours.point, ours.step, ours.tokens) == (
                theirs.point,
                theirs.step,
                theirs.tokens,
            )
            alike(ours.metrics, theirs.metrics)
            compared += 1
        if rule is PATIENCE:
            assert six.status is one.status is TrialStatus.COMPLETE
            assert len(six.measurements) == len(one.measurements)
            assert (six.trainable_parameters, six.tokens) == (one.trainable_parameters, one.tokens)
    assert 24 <= compared < 4 * 24, "none was stopped"
    log.info("%s: %s evaluations in both", rule["early_stopping"], compared)


def test_the_trials_of_a_killed_worker_go_on_alone_and_lose_no_retry(tmp_path, data):
    with started(lane_tree(data), tmp_path, until="lanes: ") as process:
        until_all_lanes_train(tmp_path, least=2)
        for worker in processes(process, "RayTrainWorker"):
            worker.kill()
        assert process.wait(timeout=400) == 0, output_of(tmp_path)
    records = finished(tmp_path, data)
    # The first three were in its lanes; they went on from their checkpoints.
    assert [record.attempts for record in records] == [2, 2, 2, 1]


def test_a_sweep_with_lanes_whose_driver_is_killed_is_resumed(tmp_path, data):
    with started(lane_tree(data), tmp_path, until="lanes: ") as process:
        until_all_lanes_train(tmp_path, least=2)
        kill_driver(process)
    left = folder_of(tmp_path, "lanes").store.trials()
    tries = [record.attempts + (not record.status.ended) for record in left]
    with background("resume", "lanes", home=tmp_path, until="lanes: ") as process:
        assert process.wait(timeout=400) == 0, output_of(tmp_path)
    assert [record.attempts for record in finished(tmp_path, data)] == [
        *tries,
        *[1] * (4 - len(left)),
    ]


def test_each_lane_writes_a_checkpoint_on_ctrl_c_and_goes_on_from_it(tmp_path, data):
    patient = {**LANES, "checkpoint_seconds": 300}
    with started(lane_tree(data, slots=patient), tmp_path, until="lanes: ") as process:
        folder = folder_of(tmp_path, "lanes")
        wait_until(lambda: sum(bool(r.measurements) for r in folder.store.trials()) >= 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130, output_of(tmp_path)
    stopped = [r for r in folder.store.trials() if r.status is TrialStatus.INTERRUPTED]
    assert len(stopped) == 3
    for record in stopped:
        left = folder.store.trial_folder(record.number) / "checkpoints"
        (checkpoint,) = left.glob("checkpoint-*")
        assert int(checkpoint.name.removeprefix("checkpoint-")) >= record.measurements[-1].step
    with background("resume", "lanes", home=tmp_path, until="lanes: ") as process:
        assert process.wait(timeout=400) == 0, output_of(tmp_path)
    attempts = [record.attempts for record in finished(tmp_path, data)]
    assert sorted(attempts) == [1, 2, 2, 2]


def test_lanes_that_do_not_fit_together_take_smaller_passes(tmp_path):
    """For real: the process may take so many bytes and no more."""
    script = Path(tiny.__file__).with_name("lanes_out_of_memory.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "DS_ACCELERATOR": "cpu"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["halved"], "all of them fit"
    assert seen["endings"] == ["complete"] * 4 and seen["lanes"] == 4
    for together, alone in zip(seen["together"], seen["alone"], strict=True):
        assert together == pytest.approx(alone, abs=1e-5)
