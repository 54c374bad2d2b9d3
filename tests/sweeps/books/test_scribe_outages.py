"""The scribe and a real MLflow server that goes away, fails, or answers late or to nobody."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer, Proxy, at_random, first_of_each

from results.mlflow.reconcile import reconcile
from results.mlflow.tracking import Tracker, TrackingError, read_sweep
from results.ranking.front import judge
from results.records.record import Measurement, SweepRecord, TrialRecord
from sweeps.books import mlflow_writer as module
from sweeps.books.mlflow_writer import Scribe

pytestmark = pytest.mark.chaos

TEXT = "name: x\n"
NOWHERE = Path("there/are/no/weights")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.closing.set()
    proxy.shut()


@pytest.fixture
def sweep(request):
    return SweepRecord(
        name=request.node.name, state="running", metric="loss", mode="min", created=time.time()
    )


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(module, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.2)


class Told:
    """A sweep of a few trials, told to a scribe in steps as a driver does."""

    def __init__(self, uri, sweep, trials=3, points=4):
        self.sweep = sweep
        self.records = [self._trial(number, points) for number in range(trials)]
        self.scribe = Scribe(uri, "outages", None)
        self.scribe.start(sweep, TEXT)

    def _trial(self, number, points):
        measurements = tuple(
            Measurement(point=p, step=p, tokens=p, seconds=p, metrics={"loss": 9.0 - p + number})
            for p in range(1, points + 1)
        )
        fields = {"params": {"x": number}, "config": {"x": number}, "started": 1.7e9}
        fields |= {"seconds": 5.0, "tokens": points, "ended": 1.7e9 + 5, "attempts": 1}
        return TrialRecord(
            sweep=self.sweep.name, number=number, status="complete",
            measurements=measurements, **fields
        )  # fmt: skip

    def begin(self):
        """The start of all trials and their first half."""
        self.scribe.wait_until_open()
        for record in self.records:
            self._start(record)

    def end(self):
        """The rest, and the end of the sweep."""
        for record in self.records:
            self._rest(record)
        self.sweep = self.sweep.with_changes(state="complete", ended=1.7e9 + 9)
        self.scribe.sweep_ended(self.sweep, self.ranking(), lambda number: NOWHERE)

    def ranking(self):
        return judge(self.records, self.sweep.goals)

    def _start(self, record):
        self.scribe.trial_started(record.with_changes(status="running", ended=None))
        for measurement in record.measurements[:2]:
            self.scribe.measured(record.number, measurement)

    def _rest(self, record):
        for measurement in record.measurements[2:]:
            self.scribe.measured(record.number, measurement)
        self.scribe.trial_ended(record, self.sweep)


def assert_arrived(told, uri):
    """Everything, in order, once."""
    assert (told.scribe.missed, told.scribe.failures) == (0, [])
    read, trials = read_sweep(uri, told.sweep.name)
    sweep = told.sweep.with_changes(tracking_uri=uri, experiment="outages", run_id=read.run_id)
    assert read == sweep
    known = [trial.with_changes(run_id=None) for trial in trials]
    assert known == told.records
    client = MlflowClient(uri)
    parent = client.get_run(read.run_id)
    runs = client.search_runs(
        [parent.info.experiment_id], f"tags.`winnow.sweep` = '{told.sweep.name}'"
    )
    assert len(runs) == 1 + len(told.records)
    for trial in trials:
        history = client.get_metric_history(trial.run_id, "loss")
        history.sort(key=lambda value: value.timestamp)
        assert [value.step for value in history] == [m.step for m in trial.measurements]
        assert len(client.get_metric_history(trial.run_id, "seconds")) == len(history) + 1
        assert len(client.get_metric_history(trial.run_id, "best_loss")) == 1


def test_a_server_that_is_away_at_the_start_is_said_within_seconds(proxy, sweep):
    proxy.shut()
    begun = time.monotonic()
    with pytest.raises(TrackingError, match=r"cannot reach http://.*: .*refused"):
        Scribe_started(proxy.uri, sweep).wait_until_open()
    assert time.monotonic() - begun < 60
    proxy.open()


def test_a_server_that_fails_at_the_start_is_said_within_seconds(proxy, sweep):
    proxy.fate = lambda *request: "error"
    begun = time.monotonic()
    with pytest.raises(TrackingError, match=r"cannot open experiment outages at http://.*500"):
        Scribe_started(proxy.uri, sweep).wait_until_open()
    assert time.monotonic() - begun < 60


def test_a_server_that_is_silent_at_the_start_is_said_within_seconds(proxy, sweep, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
    proxy.fate = lambda *request: "silent"
    begun = time.monotonic()
    with pytest.raises(
        TrackingError, match=r"cannot open experiment outages at http://.*timed out"
    ):
        Scribe_started(proxy.uri, sweep).wait_until_open()
    assert time.monotonic() - begun < 60


def Scribe_started(uri, sweep):  # noqa: N802
    scribe = Scribe(uri, "outages", None)
    scribe.start(sweep, TEXT)
    return scribe


def test_a_server_that_was_away_gets_everything_once(proxy, sweep):
    told = Told(proxy.uri, sweep)
    told.begin()
    proxy.shut()
    told.end()
    assert told.scribe.busy, "whoever tells it does not wait"
    time.sleep(13)
    assert told.scribe.busy
    proxy.open()
    told.scribe.finish()
    assert_arrived(told, proxy.uri)


@pytest.mark.ci
def test_a_server_that_was_killed_gets_everything_once(server, sweep):
    uri = f"http://127.0.0.1:{server.port}"
    told = Told(uri, sweep, trials=20, points=10)
    told.begin()
    time.sleep(0.3)
    server.kill()
    told.end()
    assert told.scribe.busy, "whoever tells it does not wait"
    server.start()
    told.scribe.finish()
    assert_arrived(told, uri)


@pytest.mark.parametrize("seconds", [5.0])
def test_a_server_that_answered_500_gets_everything_once(proxy, sweep, seconds):
    told = Told(proxy.uri, sweep)
    told.begin()
    back = time.monotonic() + seconds
    proxy.fate = lambda *request: "pass" if time.monotonic() > back else "error"
    told.end()
    assert told.scribe.busy, "whoever tells it does not wait"
    told.scribe.finish()
    assert time.monotonic() > back
    assert_arrived(told, proxy.uri)


def test_answers_that_are_lost_double_nothing(proxy, sweep, hurried):
    """Every request that changes something is carried out, and the first answer is cut off."""
    proxy.fate = first_of_each("cut")
    told = Told(proxy.uri, sweep)
    told.begin()
    told.end()
    told.scribe.finish()
    proxy.fate = lambda *request: "pass"
    assert_arrived(told, proxy.uri)


@pytest.mark.parametrize("seed", range(3))
def test_a_mixture_of_failures_loses_and_doubles_nothing(proxy, sweep, hurried, seed):
    told = Told(proxy.uri, sweep)
    told.scribe.wait_until_open()
    proxy.fate = at_random(seed, error=0.25, cut=0.25)
    told.begin()
    told.end()
    told.scribe.finish()
    proxy.fate = lambda *request: "pass"
    assert_arrived(told, proxy.uri)


def test_a_slow_server_is_waited_for_as_long_as_entries_go_through(proxy, sweep, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 3.0)
    proxy.fate = lambda *request: 0.3
    told = Told(proxy.uri, sweep)
    told.begin()
    told.end()
    assert told.scribe.busy, "whoever tells it does not wait"
    begun = time.monotonic()
    told.scribe.finish()
    assert time.monotonic() - begun > 3
    proxy.fate = lambda *request: "pass"
    assert_arrived(told, proxy.uri)


def test_what_a_server_missed_that_stayed_away_is_brought_in_later(proxy, sweep, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 2.0)
    told = Told(proxy.uri, sweep)
    told.begin()
    proxy.shut()
    told.end()
    begun = time.monotonic()
    told.scribe.finish()
    assert time.monotonic() - begun >= 2
    assert told.scribe.missed > 0
    assert "no answer for 2 s" in told.scribe.failures[0]
    proxy.open()
    told.scribe.missed, told.scribe.failures = 0, []
    assert bring_in(told, proxy.uri).changed == 4
    assert_arrived(told, proxy.uri)
    assert bring_in(told, proxy.uri).changed == 0
    assert_arrived(told, proxy.uri)


def bring_in(told, uri):
    tracker = Tracker(uri, "outages")
    weights = lambda number: NOWHERE  # noqa: E731
    return reconcile(tracker, TEXT, told.sweep, told.records, told.ranking(), weights)


HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("seconds", [3, 26], ids=["soon free", "longer than MLflow waits"])
def test_a_database_that_another_process_locked_gets_everything(tmp_path, sweep, seconds):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    told = Told(uri, sweep)
    told.begin()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "mlflow.db"), str(seconds)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as other:
        assert other.stdout.readline() == "held\n"
        told.end()
        assert told.scribe.busy
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite3.connect(tmp_path / "mlflow.db", timeout=0).execute("SELECT * FROM runs")
        print("seen", file=other.stdin, flush=True)
        told.scribe.finish()
        assert other.wait(60) == 0
    assert_arrived(told, uri)
