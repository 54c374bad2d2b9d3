"""The scribe against a tracker that fails as it is told."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from waiting import wait_until

from results.mlflow.tracking_error import StoreAwayError, StoreFullError, TrackingError
from results.ranking.front import judge
from results.records.record import Measurement, SweepRecord, TrialRecord
from sweeps.books import entries
from sweeps.books import mlflow_writer as module
from sweeps.books.mlflow_writer import Scribe

AWAY = StoreAwayError("cannot log at http://here: connection refused")
REFUSED = TrackingError("cannot log at http://here: bad value")
SWEEP = SweepRecord(name="s", state="running", metric="eval_loss", mode="min", created=1.0)


class FakeTracker:
    """Notes what it took down. `failures` are raised first, by what is asked for."""

    def __init__(self, **failures):
        self.failures = {name: list(errors) for name, errors in failures.items()}
        self.log = []
        self.stamps = []
        self.takes = False

    @contextmanager
    def together(self, ended):
        """What the block logs is lost if it raises."""
        before = list(self.log)
        try:
            yield
        except BaseException:
            self.log = before
            raise

    def start_sweep(self, record, spec_text, stamp):
        return self._take("sweep")

    def start_trial(self, record, parent):
        return self._take(f"start{record.number}")

    def log_measurement(self, run_id, measurement, stamp):
        self.stamps.append(stamp)
        self._take(f"{run_id}.{measurement.point}")

    def end_trial(self, record, goals, stamp):
        self._take(f"end{record.number}")

    def log_winner(self, run_id, record, weights):
        self._take(f"weights {run_id}")

    def end_sweep(self, record, ranking, stamp):
        self._take("end")

    def takes_writes(self, run_id):
        return self.takes

    def _take(self, name):
        if self.failures.get(name):
            raise self.failures[name].pop(0)
        self.log.append(name)
        return name


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "SHORTEST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(entries, "LINGER", 3600.0)  # the end of a scribe does not wait for it


@pytest.fixture
def begin(monkeypatch):
    """A scribe that writes to the given tracker, open."""

    def begin(tracker, *broken):
        monkeypatch.setattr("results.mlflow.tracking.Tracker", lambda *where: tracker)
        scribe = Scribe("nowhere", "e", None, *broken)
        scribe.start(SWEEP, "name: s\n")
        return scribe

    return begin


def one(number=0, *points):
    measured = tuple(
        Measurement(point=p, step=p, tokens=p, seconds=p, metrics={"eval_loss": 1.0})
        for p in points
    )
    return TrialRecord(sweep="s", number=number, status="complete", measurements=measured)


def tell(scribe, *records):
    """A sweep as the driver tells it."""
    for record in records:
        scribe.trial_started(record)
    for record in records:
        for measurement in record.measurements:
            scribe.measured(record.number, measurement)
        scribe.trial_ended(record, SWEEP)
    scribe.sweep_ended(SWEEP, judge(list(records), SWEEP.goals), lambda number: Path("none"))


ALL = ["sweep", "start0", "start0.1", "start0.2", "end0", "start1", "start1.1", "end1"]
ALL += ["weights start0", "weights sweep", "end"]


@pytest.mark.parametrize("at", ["start0", "start0.1", "end0", "weights sweep", "end"])
def test_a_store_that_was_away_gets_everything_in_order(begin, at):
    tracker = FakeTracker(**{at: [AWAY] * 20})
    scribe = begin(tracker)
    tell(scribe, one(0, 1, 2), one(1, 1))
    scribe.finish()
    assert tracker.log == ALL
    assert (scribe.missed, scribe.failures, scribe.busy) == (0, [], False)


def test_an_attempt_that_is_repeated_has_the_stamp_of_the_first(begin):
    tracker = FakeTracker(**{"start0.1": [AWAY] * 3})
    scribe = begin(tracker)
    tell(scribe, one(0, 1, 2))
    scribe.finish()
    *repeated, last = tracker.stamps
    assert len(repeated) == 4 and len(set(repeated)) == 1
    assert last > repeated[0]


def test_a_trial_is_written_when_it_lasts_longer_than_its_entries_wait(begin, monkeypatch):
    monkeypatch.setattr(entries, "LINGER", 0.0)
    tracker = FakeTracker()
    scribe = begin(tracker)
    scribe.trial_started(one(0))
    wait_until(lambda: tracker.log == ["sweep", "start0"])
    assert scribe.run_ids == {0: "start0"}
    scribe.finish()


def test_what_is_refused_is_counted_and_left_out(begin):
    tracker = FakeTracker(**{"start0.1": [REFUSED] * 2})  # with others, and alone
    scribe = begin(tracker)
    tell(scribe, one(0, 1, 2), one(1, 1))
    scribe.finish()
    assert tracker.log == [name for name in ALL if name != "start0.1"]
    assert (scribe.missed, scribe.failures) == (1, [f"TrackingError: {REFUSED}"])


def test_what_fails_while_the_store_takes_all_else_does_not_hold_up_the_rest(begin):
    tracker = FakeTracker(**{"start0.1": [AWAY] * 1000})
    tracker.takes = True
    scribe = begin(tracker)
    tell(scribe, one(0, 1, 2), one(1, 1))
    scribe.finish()
    assert tracker.log == [name for name in ALL if name != "start0.1"]
    assert scribe.missed == 1


def test_a_trial_that_was_not_started_is_told_once_by_its_reason(begin):
    tracker = FakeTracker(start0=[REFUSED] * 2)  # with the others of its trial, and alone
    scribe = begin(tracker)
    tell(scribe, one(0, 1), one(1, 1))
    scribe.finish()
    assert tracker.log == ["sweep", "start1", "start1.1", "end1", "weights sweep", "end"]
    assert scribe.missed == 4
    assert "bad value" in scribe.failures[0]
    assert "trial 0 has no MLflow run" in scribe.failures[1]


def test_a_store_that_stays_away_is_given_up_and_what_it_missed_is_counted(begin, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    tracker = FakeTracker(**{"start0.2": [AWAY] * 10**6})
    scribe = begin(tracker)
    tell(scribe, one(0, 1, 2), one(1, 1))
    monkeypatch.setattr(entries, "LINGER", 0.0)
    scribe.verdict("none", Path("none"))
    wait_until(lambda: len(tracker.failures["start0.2"]) < 10**6 - 1)  # told of once, at least
    begun = time.monotonic()
    scribe.finish()
    assert time.monotonic() - begun >= 0.3
    assert tracker.log == ["sweep"]
    assert scribe.missed == 11
    assert scribe.failures == [f"no answer for 0 s; {AWAY}"]


def test_a_store_whose_disk_is_full_is_not_waited_for(begin, monkeypatch):
    monkeypatch.setattr(module, "FULL_PATIENCE", 0.1)
    full = StoreFullError("cannot log at sqlite:///here: database or disk is full")
    scribe = begin(FakeTracker(**{"start0.2": [full] * 10**6}))
    tell(scribe, one(0, 1, 2), one(1, 1))
    scribe.finish()
    assert (scribe.missed, scribe.failures) == (10, [str(full)])


def test_the_end_waits_as_long_as_entries_go_through(begin, monkeypatch):
    """By a clock of the test's own, that no busy machine delays."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    tracker = FakeTracker()
    write = tracker.log_measurement

    def slow(*entry):
        now[0] += 0.9
        time.sleep(0.1)  # meanwhile the end looks at the clock
        return write(*entry)

    monkeypatch.setattr(tracker, "log_measurement", slow)
    scribe = begin(tracker)
    tell(scribe, *(one(number, 1) for number in range(10)))
    scribe.finish()
    assert scribe.missed == 0
    assert tracker.log[-1] == "end"


def test_a_store_that_stumbles_at_the_start_is_asked_again(begin):
    assert begin(FakeTracker(sweep=[AWAY] * 3)).wait_until_open() == "sweep"


@pytest.mark.parametrize("error", [AWAY, REFUSED])
def test_a_store_that_fails_at_the_start_is_said_soon(begin, monkeypatch, error):
    monkeypatch.setattr(module, "START_PATIENCE", 0.1)
    with pytest.raises(TrackingError, match=str(error)):
        begin(FakeTracker(sweep=[error] * 1000)).wait_until_open()


def test_a_fault_of_the_writing_itself_is_told_and_what_is_left_counts_as_missed(begin):
    tracker, told = FakeTracker(**{"start0.1": [AWAY] * 1000}), []

    def takes_writes(run_id):
        raise KeyError("a field that this MLflow does not have")

    tracker.takes_writes = takes_writes
    scribe = begin(tracker, told.append)
    tell(scribe, one(0, 1, 2), one(1, 1))
    scribe.finish()
    assert tracker.log == ["sweep"]
    assert scribe.missed == 10 and not scribe.busy
    assert told == scribe.failures and "KeyError: 'a field" in told[0]
    assert "its folder has the entries that MLflow misses" in told[0]
