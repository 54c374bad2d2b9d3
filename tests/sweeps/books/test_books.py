"""A sweep's own books, without Ray."""

from __future__ import annotations

import errno
import json
import os
import signal

import pytest
from fleets import fleet_of
from spec_samples import toy_tree

from results.mlflow.runs import MlflowRuns
from results.mlflow.tracking import read_sweep
from results.mlflow.tracking_error import StoreAwayError
from results.records.record import Measurement, Overlap, SweepState, TrialRecord
from sweeps.base.interruption import interruptible
from sweeps.base.view import View
from sweeps.books.books import Books, new_record, resumed_record
from sweeps.cluster.head_watch import HeadWatch
from sweeps.home.home import SweepHome
from sweeps.run.driver.driver import Driver
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.data.sets import overlap as data_overlap
from trainables.data.sets.summary import FileCounts, Side, Summary
from trainables.training.inputs import Inputs, Prepared


@pytest.fixture
def home(tmp_path):
    return SweepHome(tmp_path)


def test_a_resumed_sweep_first_brings_in_what_mlflow_missed(home):
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep(spec.name)
    folder.take_name()
    one = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics={"eval_loss": 1.0})
    trials = [
        TrialRecord(sweep="toy", number=0, status="complete", measurements=[one], ended=9.0),
        TrialRecord(sweep="toy", number=1, status="interrupted", measurements=[one]),
    ]
    for trial in trials:
        folder.store.write_trial(trial)
    earlier = new_record(spec, None)
    books = Books(spec, home, folder, resumed_record(earlier, spec, ["budget.trials: 2 -> 6"]))
    books.open()
    books.catch_up()
    books.wait_until_open()
    books.scribe.finish()
    sweep, tracked = read_sweep(home.tracking_uri, "toy")
    assert (sweep.resumed, sweep.changes) == (books.sweep.resumed, books.sweep.changes)
    assert [trial.with_changes(run_id=None) for trial in tracked] == trials
    assert books.scribe.run_ids == {trial.number: trial.run_id for trial in tracked}
    assert books.scribe.reconciled.changed == 2


def test_what_was_found_in_the_data_is_on_record_and_in_mlflow(home):
    """What sets share, and the rows left out or read with an allowance."""
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep(spec.name)
    folder.take_name()
    side = Side(examples=40, sequences=40, tokens=400, targets=400)
    summary = Summary(
        sets={"train": side, "validation": side},
        max_length=64,
        overlaps={"validation": data_overlap.Overlap(40, 40)},
        files=(
            FileCounts("a", "alpaca", 90, {"empty answer": 2}, adjusted={"numbers": 3}),
            FileCounts("b", "alpaca", 10, {"empty answer": 1}, adjusted={"history": 4}),
        ),
    )
    prepared = Prepared(Inputs(ModelSource("m"), home.path, home.path), "d", "m", summary)
    books = Books(spec, home, folder, new_record(spec, prepared))
    books.open()
    books.wait_until_open()
    books.scribe.finish()
    wanted = {"validation": Overlap(shared=40, records=40)}
    assert folder.store.sweep().overlaps == wanted
    sweep, _ = read_sweep(home.tracking_uri, "toy")
    assert sweep.overlaps == wanted
    for record in (sweep, folder.store.sweep()):
        assert record.rows_left_out == {"empty answer": 3}
        assert record.rows_adjusted == {"numbers": 3, "history": 4}
    run = MlflowRuns(home.tracking_uri).get(sweep.run_id)
    assert json.loads(run.tags["winnow.overlaps"]) == {"validation": {"shared": 40, "records": 40}}
    assert json.loads(run.tags["winnow.rows_left_out"]) == {"empty answer": 3}
    nothing = {"overlaps": {}, "rows_left_out": {}, "rows_adjusted": {}}
    earlier = folder.store.sweep().with_changes(**nothing)  # of a version that did not count
    again = resumed_record(earlier, spec, [], prepared)
    assert (again.overlaps, again.rows_left_out) == (wanted, {"empty answer": 3})


class AwayTracker:
    """MLflow that opened and takes nothing since then."""

    def __init__(self, *where): ...

    def start_sweep(self, record, spec_text, stamp):
        return "parent"

    def start_trial(self, record, parent):
        raise StoreAwayError("connection refused")

    def takes_writes(self, run_id):
        return False


class Impatient(View):
    """Someone who presses Ctrl-C once MLflow has been waited for."""

    waits = 0

    def at(self, phases):
        if any(phase.text == "entries" for phase in phases):
            self.waits += 1
            if self.waits == 3:
                signal.raise_signal(signal.SIGINT)


class Slots:
    closed = 0

    def close(self, patience, winding_up):
        self.closed += 1
        raise KeyboardInterrupt

    def lost(self):
        return None


def test_ctrl_c_while_mlflow_is_awaited_ends_the_wait_and_not_the_sweep(home, monkeypatch):
    monkeypatch.setattr("results.mlflow.tracking.Tracker", AwayTracker)
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep(spec.name)
    folder.take_name()
    books = Books(spec, home, folder, new_record(spec, None))
    books.open()
    books.wait_until_open()
    driver = Driver(spec, folder, None, books, Impatient(), HeadWatch(lambda: ""))
    driver._fleet = fleet_of(Slots())
    trial = TrialRecord(sweep="toy", number=0, status="complete", ended=9.0)
    folder.store.write_trial(trial)
    books.scribe.trial_started(trial)
    books.scribe.trial_ended(trial, books.sweep)
    monkeypatch.setattr("sweeps.books.mlflow_writer.PATIENCE", 1e9)
    with interruptible():  # a process that was begun in the background may ignore Ctrl-C
        driver.end(SweepState.COMPLETE)
    assert folder.store.sweep().state is SweepState.COMPLETE
    assert books.scribe.missed == 4, "the trial's beginning, its end, the sweep's, the verdict"
    assert "Ctrl-C" in books.scribe.failures[0]
    assert driver._fleet.slots.closed == 1


@pytest.mark.parametrize("broken", [False, True])
def test_a_sweeps_end_leaves_its_report_and_a_failure_of_it_costs_nothing(
    home, monkeypatch, broken
):
    if broken:
        monkeypatch.setattr("sweeps.page.page.sections", lambda results: 1 / 0)
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep(spec.name)
    folder.take_name()
    one = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics={"eval_loss": 1.25})
    trial = TrialRecord(sweep="toy", number=0, status="complete", measurements=[one], ended=9.0)
    folder.store.write_trial(trial)
    books = Books(spec, home, folder, new_record(spec, None))
    books.open()
    books.wait_until_open()
    books.scribe.trial_started(trial)
    books.close(SweepState.COMPLETE, [trial])
    sweep, _ = read_sweep(home.tracking_uri, "toy")
    assert sweep.state is folder.store.sweep().state is SweepState.COMPLETE
    runs = MlflowRuns(home.tracking_uri)
    files, tags = runs.files(sweep.run_id), runs.get(sweep.run_id).tags
    assert tags["mlflow.note.content"].startswith("Trial 0 wins: eval_loss 1.2500")
    assert tags["mlflow.source.name"] == "toy"
    assert ("report.html" in files) is folder.report.exists() is not broken
    if broken:
        (said,) = folder.store.sweep().breakdowns
        assert "ZeroDivisionError" in said and "sweep report toy writes it" in said
    else:
        text = folder.report.read_text(encoding="utf-8")
        assert "Trial 0 wins: eval_loss 1.2500" in text and "running ·" not in text
        books.note_run_ids()  # MLflow had no run for the trial when the report was written
        assert f'"{books.scribe.run_ids[0]}"' in folder.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("ended_by", ["[Errno 28] No space left on device: 'x'", "a lost head"])
def test_a_full_disk_that_ends_the_sweep_is_not_told_again_of_the_report(
    home, monkeypatch, ended_by
):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "report.html")

    def write(folder):
        raise full

    monkeypatch.setattr("sweeps.page.page.write", write)
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep(spec.name)
    folder.take_name()
    books = Books(spec, home, folder, new_record(spec, None))
    books.close(SweepState.FAILED, [], ended_by)
    told = folder.store.sweep().breakdowns
    assert any("report" in each for each in told) is (ended_by == "a lost head")
