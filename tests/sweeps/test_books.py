"""A sweep's own books, without Ray."""

from __future__ import annotations

import pytest
from spec_samples import toy_tree

from results.record import Measurement, TrialRecord
from results.tracking import read_sweep
from sweeps.books import Books, new_record, resumed_record
from sweeps.home import SweepHome
from sweeps.spec import SweepSpec


@pytest.fixture
def home(tmp_path):
    return SweepHome(tmp_path)


def test_a_resumed_sweep_first_brings_in_what_mlflow_missed(home):
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep(spec.name)
    folder.claim()
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
