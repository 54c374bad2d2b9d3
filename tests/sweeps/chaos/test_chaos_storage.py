"""A head that is lost in mid-sweep with its disk, and with all that its slots had on theirs."""

from __future__ import annotations

import logging
import shutil
import signal

import pytest
from books import (
    background,
    check_books,
    kill_driver,
    output_of,
    real_tree,
    started,
    sweep,
    wait_until,
)
from spec_samples import toy_tree

from results.records.record import TrialRecord, TrialStatus
from trainables.storage.remote_folder import RemoteFolder
from trainables.storage.sealed import is_whole

pytestmark = pytest.mark.chaos

log = logging.getLogger(__name__)


def test_another_head_goes_on_with_what_the_storage_has(tmp_path, data, monkeypatch):
    monkeypatch.setenv("SWEEP_SCRATCH", str(tmp_path / "scratch"))
    store = RemoteFolder((tmp_path / "store").as_uri())
    trial = store / "sweeps" / "real" / "trials" / "0000"
    tree = real_tree(
        data,
        budget={"trials": 2, "steps": 60, "evaluations": 6},
        slots={"count": 1, "checkpoint_seconds": 0},
        storage={"uri": store.uri},
    )
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()

    def record() -> TrialRecord:
        return TrialRecord.model_validate_json(trial.read("record.json"))

    with started(tree, first, until="real: ") as process:
        wait_until(lambda: "record.json" in trial.sizes() and len(record().measurements) > 1)
        kill_driver(process)
    shutil.rmtree(first)
    shutil.rmtree(tmp_path / "scratch")
    known = record()
    assert known.status is TrialStatus.RUNNING
    steps = sorted(int(name.split("-")[1].split("/")[0]) for name in checkpoints(trial))
    assert steps[-1] >= known.measurements[-1].step

    words = ["resume", "real", "--storage", store.uri]
    with background(*words, home=second, until="real: ") as process:
        assert process.wait(timeout=240) == 0, output_of(second)
    trials = check_books(second, "real", trials=2).store.trials()
    assert [each.status for each in trials] == [TrialStatus.COMPLETE] * 2
    assert [each.attempts for each in trials] == [2, 1]
    kept = len(known.measurements)
    assert trials[0].measurements[:kept] == known.measurements
    assert [m.point for m in trials[0].measurements] == [1, 2, 3, 4, 5, 6], "none is left out"
    log.info("lost at step %d, with %d measurements known", steps[-1], kept)


def checkpoints(trial: RemoteFolder) -> set[str]:
    folder = trial / "checkpoints"
    names = {name.partition("/")[0] for name in folder.sizes()}
    return {name for name in names if is_whole(folder / name)}


def test_of_two_heads_one_has_the_sweep_also_after_the_other_was_cut_off(tmp_path):
    store = RemoteFolder((tmp_path / "store").as_uri())
    tree = toy_tree(
        budget={"trials": 6, "steps": 40, "evaluations": 4},
        toy={"seconds": 3},
        slots={"count": 1},
        storage={"uri": store.uri},
    )
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    words = ["resume", "toy", "--storage", store.uri]
    with started(tree, first, until="toy: ") as process:
        refused = sweep(*words, home=second)
        assert refused.returncode == 2, refused.stdout
        assert "is running on" in refused.stderr, refused.stderr
        process.send_signal(signal.SIGSTOP)
        with background(*words, home=second, until="toy: ") as other:
            process.send_signal(signal.SIGCONT)
            assert process.wait(timeout=120) == 2, output_of(first)
            assert other.wait(timeout=240) == 0, output_of(second)
    assert "has taken over this sweep" in output_of(first).splitlines()[-1]
    trials = check_books(second, "toy", trials=6).store.trials()
    assert {each.status for each in trials} <= {TrialStatus.COMPLETE, TrialStatus.PRUNED}
    log.info("first head:\n%s\nsecond head:\n%s", output_of(first), output_of(second))
