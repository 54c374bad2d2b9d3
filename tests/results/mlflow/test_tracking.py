"""The writer and the reader as a pair, on one real SQLite database (making it is the slow part)."""

from __future__ import annotations

import errno
import json
import logging
import math
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from record_samples import full_sweep, full_trial, measured, trial
from sqlalchemy.exc import OperationalError

from results.mlflow.runs import reported
from results.mlflow.tracking import (
    StoreAwayError,
    Tracker,
    TrackingError,
    UnknownSweepError,
    read_sweep,
)
from results.mlflow.tracking_error import StoreFullError
from results.ranking.front import judge
from results.records.record import Measurement
from results.records.stamps import Stamps

STAMPS = Stamps()
LONG = "line of a traceback\n" * 500


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("my runs")


@pytest.fixture(scope="module")
def uri(folder):
    return f"sqlite:///{folder}/not/yet/there/mlflow.db"


@pytest.fixture(scope="module")
def tracker(uri, folder):
    return Tracker(uri, "tuning", str(folder / "artifacts"))


@pytest.fixture
def client(uri, tracker):
    return MlflowClient(uri)


@pytest.fixture
def sweep(tracker, uri, request):
    """A sweep named after the test, running."""
    record = full_sweep(name=request.node.name, tracking_uri=uri)
    return record.with_changes(run_id=tracker.start_sweep(record, "name: x\n", STAMPS.next()))


def track(tracker, sweep, record):
    """Write a whole trial as a sweep does, and give the record as it should be read back."""
    record = record.with_changes(sweep=sweep.name)
    opened = record.with_changes(status="running", ended=None, error=None)
    record = record.with_changes(run_id=tracker.start_trial(opened, sweep.run_id))
    for measurement in record.measurements:
        tracker.log_measurement(record.run_id, measurement, STAMPS.next())
    if record.status.ended:
        tracker.end_trial(record, sweep.goals, STAMPS.next())
    if record.test:
        tracker.log_test(record, STAMPS.next())
    return record


def test_a_sweep_is_read_back_as_it_was_written(tracker, sweep, uri):
    records = [
        track(tracker, sweep, full_trial(number=12)),
        track(tracker, sweep, trial(3, "failed", error="boom", params={"x": "1"}, attempts=3)),
        track(tracker, sweep, trial(4, "pruned", 3.0, math.inf, ended=1_700_000_009.000001)),
        track(tracker, sweep, trial(5, "running", 2.0, provenance=full_trial().provenance)),
    ]
    ended = sweep.with_changes(state="interrupted", ended=1_700_000_099.25, pid=None)
    tracker.end_sweep(ended, judge(records, sweep.goals), STAMPS.next())
    read, trials = read_sweep(uri, sweep.name)
    assert read == ended
    assert trials == [records[1], records[2], records[3], records[0]]


TOGETHER = [
    full_trial(number=12),
    trial(3, "failed", error=LONG, params={"x": "1"}, attempts=3),
    trial(4, "pruned", 3.0, math.inf, ended=1_700_000_009.000001),
    trial(5, "running", 2.0, provenance=full_trial().provenance),
    trial(6, "complete", 2.0, config={f"field.{n}": n for n in range(250)}),
]


def test_what_is_written_together_is_read_back_as_if_written_one_by_one(tracker, sweep, uri):
    for record in TOGETHER:
        with tracker.together(record if record.status.ended else None):
            track(tracker, sweep, record)
    read = {each.number: each for each in read_sweep(uri, sweep.name)[1]}
    for record in TOGETHER:
        wanted = record.with_changes(sweep=sweep.name, run_id=read[record.number].run_id)
        assert read[record.number] == wanted


def test_what_could_not_be_written_together_is_written_again(tracker, sweep, uri):
    record = trial(1, "complete", 3.0, 2.0)
    with pytest.raises(TrackingError, match="no room"), tracker.together():
        track(tracker, sweep, record)
        raise TrackingError("no room")
    with tracker.together():
        written = track(tracker, sweep, record)
    assert read_sweep(uri, sweep.name)[1] == [written]


def test_nan_is_read_back_as_nan(tracker, sweep, uri):
    track(tracker, sweep, trial(1, "diverged", 2.0, math.nan))
    (record,) = read_sweep(uri, sweep.name)[1]
    first, second = (one.metrics["eval_loss"] for one in record.measurements)
    assert first == 2.0
    assert math.isnan(second)
    assert record.status == "diverged"


@pytest.mark.parametrize(
    "record",
    [
        trial(1, "failed", error=LONG),
        trial(1, "failed", error=""),
        trial(1, "failed", params={"warmup_fraction": 1}, config={}),
        trial(1, "complete", params={"x": 1}, config={"x": 1.0, "data.train": ["file"] * 2000}),
        trial(1, "complete", config={f"field.{n}": n for n in range(250)}),
    ],
    ids=["long error", "empty error", "no config", "long value", "many values"],
)
def test_what_mlflow_has_no_room_for_is_read_back_too(tracker, sweep, uri, record):
    assert read_sweep(uri, sweep.name)[1] == []
    assert track(tracker, sweep, record) == read_sweep(uri, sweep.name)[1][0]


def test_a_long_error_is_cut_where_people_can_see_it(tracker, sweep, client):
    record = track(tracker, sweep, trial(1, "failed", error=LONG))
    shown = client.get_run(record.run_id).data.tags["winnow.error"]
    assert shown.endswith("…")
    assert LONG.startswith(shown[:-1])


@pytest.mark.parametrize(
    ("status", "shown"),
    [("complete", "FINISHED"), ("pruned", "KILLED"), ("failed", "FAILED"), ("diverged", "FAILED")],
)
def test_mlflow_shows_the_trial(tracker, sweep, client, status, shown):
    record = track(tracker, sweep, full_trial(status=status))
    run = client.get_run(record.run_id)
    assert run.info.run_name == "0007"
    assert run.info.status == shown
    assert run.info.end_time - run.info.start_time == 2700
    assert run.data.tags["mlflow.parentRunId"] == sweep.run_id
    assert run.data.tags["winnow.status"] == status
    assert run.data.tags["winnow.searched"] == '["learning_rate", "lora.rank", "schedule"]'
    assert run.data.tags["mlflow.source.git.commit"] == "0123abc"
    assert run.data.params["lora.rank"] == "16"
    assert run.data.params["schedule"] == "wsd"
    assert run.data.metrics["best_eval_loss"] == 1 / 3
    assert run.data.metrics["eval_loss"] == 0.7
    assert run.data.metrics["seconds"] == 2.7
    steps = [point.step for point in client.get_metric_history(record.run_id, "eval_loss")]
    assert steps == [100, 200]


def test_a_waiting_trial_is_shown_as_scheduled(tracker, sweep, client):
    run_id = tracker.start_trial(trial(1, "waiting", sweep=sweep.name), sweep.run_id)
    assert client.get_run(run_id).info.status == "SCHEDULED"


def test_a_restart_continues_the_trials_run(tracker, sweep, client, uri):
    failed = trial(1, "failed", 9.0, 9.0, 9.0, error=LONG, config={"micro_batch_size": 8})
    first = track(tracker, sweep, failed)
    fields = {"config": {"micro_batch_size": 4}, "attempts": 2, "ended": 1_700_000_050.0}
    # Without a run id, as when the driver was killed before it could note it.
    again = track(tracker, sweep, trial(1, "complete", 5.0, 4.0, **fields))
    assert again.run_id == first.run_id
    assert read_sweep(uri, sweep.name)[1] == [again]
    assert client.get_run(first.run_id).data.params["micro_batch_size"] == "8"


def test_a_restart_that_measures_nothing_has_no_measurements(tracker, sweep, uri):
    track(tracker, sweep, trial(1, "failed", 9.0, 9.0, error="killed"))
    again = track(tracker, sweep, trial(1, "failed", error="killed again"))
    assert read_sweep(uri, sweep.name)[1] == [again]


def test_a_resumed_sweep_keeps_its_run(tracker, sweep, uri):
    nobody = judge([], sweep.goals)
    tracker.end_sweep(sweep.with_changes(state="interrupted", ended=5.0), nobody, STAMPS.next())
    resumed = sweep.with_changes(pid=999)
    assert tracker.start_sweep(resumed, "name: x\n", STAMPS.next()) == sweep.run_id
    assert read_sweep(uri, sweep.name)[0] == resumed


def test_a_record_from_another_server_gets_a_new_run(tracker, sweep):
    moved = trial(1, "running", sweep=sweep.name, run_id="0" * 32)
    assert tracker.start_trial(moved, sweep.run_id) != moved.run_id


def test_the_latest_sweep_of_a_name_counts(tracker, sweep, uri):
    later = sweep.with_changes(run_id=None, created=sweep.created + 1)
    run_id = tracker.start_sweep(later, "name: x\n", STAMPS.next())
    assert read_sweep(uri, sweep.name)[0].run_id == run_id


def test_the_parent_shows_the_spec_the_base_and_the_winner(tracker, sweep, client, tmp_path):
    record = track(tracker, sweep, full_trial())
    ranking = judge([record], sweep.goals)
    tracker.end_sweep(sweep.with_changes(state="complete", ended=1.0), ranking, STAMPS.next())
    run = client.get_run(sweep.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["base_eval_loss"] == 3.25
    assert run.data.metrics["best_eval_loss"] == 1 / 3
    assert run.data.tags["winnow.winner"] == "7"
    assert run.data.tags["winnow.winner_run_id"] == record.run_id
    spec = client.download_artifacts(sweep.run_id, "sweep.yaml", str(tmp_path))
    assert Path(spec).read_text(encoding="utf-8") == "name: x\n"


def test_a_front_is_told_by_tags_on_the_parent_and_on_its_trials(tracker, sweep, client, uri):
    sweep = sweep.with_changes(other_metrics={"eval_accuracy": "max"})
    records = []
    for number, point in enumerate([(3.0, 0.9), (3.0, 0.8), (1.0, 0.1)]):
        metrics = dict(zip(sweep.goals, point, strict=True))
        last = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics=metrics)
        records.append(track(tracker, sweep, trial(number, "complete", measurements=(last,))))
    ended = sweep.with_changes(state="complete", ended=1.0)
    tracker.end_sweep(ended, judge(records, sweep.goals), STAMPS.next())
    parent = client.get_run(sweep.run_id)
    assert parent.data.tags["winnow.front"] == "2,0"
    assert parent.data.metrics["front_size"] == 2.0
    found = client.search_runs([parent.info.experiment_id], "tags.`winnow.on_front` = 'true'")
    assert {run.info.run_id for run in found} == {records[0].run_id, records[2].run_id}
    assert read_sweep(uri, sweep.name) == (ended, records)


def test_the_users_tags_are_on_the_parent(tracker, client):
    run_id = tracker.start_sweep(full_sweep(name="tagged"), "", STAMPS.next(), {"team": "language"})
    assert client.get_run(run_id).data.tags["team"] == "language"


def test_the_winners_config_and_weights_are_kept(tracker, sweep, client, tmp_path, folder):
    (tmp_path / "adapter.safetensors").write_bytes(b"x")
    tracker.log_winner(sweep.run_id, full_trial(), tmp_path)
    names = {artifact.path for artifact in client.list_artifacts(sweep.run_id)}
    assert names == {"model", "winner.yaml", "sweep.yaml"}
    assert list((folder / "artifacts").rglob("adapter.safetensors"))


def test_another_winner_takes_the_place_of_the_one_before(tracker, sweep, client, tmp_path):
    """As after a resume, or a confirmation: of files of both, transformers would make a mixture."""
    lora, full = tmp_path / "3" / "best", tmp_path / "8" / "best"
    for folder, names in ((lora, ("adapter_config.json", "adapter.safetensors")),
                          (full, ("config.json", "model.safetensors"))):  # fmt: skip
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text("{}")
    (lora.parent / "answers").mkdir()
    sample = {"prompt_number": 4, "prompt": "?", "answer": "a", "reference": "", "tokens": 1}
    line = json.dumps({**sample, "ended": True, "values": {}})
    (lora.parent / "answers" / "samples.jsonl").write_text(line + "\n")
    repeat = full_trial(number=2, confirms=8, repeat=3, config={"method": "full"}, run_id=None)
    own = tracker.start_trial(repeat, sweep.run_id)
    tracker.log_winner(own, repeat, full)
    tracker.log_winner(sweep.run_id, full_trial(number=3, config={"method": "lora"}), lora)
    for _ in range(2):
        tracker.log_winner(sweep.run_id, repeat, full)
    files = {artifact.path for artifact in client.list_artifacts(sweep.run_id, "model")}
    assert files == {"model/config.json", "model/model.safetensors"}
    assert "samples.json" not in {each.path for each in client.list_artifacts(sweep.run_id)}
    experiment = client.get_run(sweep.run_id).info.experiment_id
    models = client.search_logged_models([experiment], f"source_run_id = '{sweep.run_id}'")
    assert [model.name for model in models] == [repeat.sweep]
    assert (models[0].tags["winnow.number"], models[0].tags["method"]) == ("8", "full")
    (model,) = client.search_logged_models([experiment], f"source_run_id = '{own}'")
    assert model.name == f"{repeat.sweep}-8-seed-3" and model.tags["winnow.number"] == "8"


def test_the_winners_answers_are_a_table_of_the_run(
    tracker, sweep, client, tmp_path, monkeypatch, uri
):
    """MLflow reads it as a table of its own; logging again does not repeat the rows."""
    sample = {
        "prompt_number": 4,
        "prompt": "2 + 2?",
        "answer": "四",
        "reference": "4",
        "tokens": 2,
        "ended": True,
        "values": {"eval_exact_match": 0.0},
    }
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "samples.jsonl").write_text(json.dumps(sample) + "\n")
    for _ in range(2):
        tracker.log_winner(sweep.run_id, full_trial(), tmp_path / "best")
    experiment = client.get_run(sweep.run_id).info.experiment_id
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", uri)
    table = client.load_table(experiment, "samples.json", run_ids=[sweep.run_id])
    assert table.answer.tolist() == ["四"] and table.eval_exact_match.tolist() == [0.0]


def test_other_runs_under_the_parent_are_not_taken_for_trials(tracker, sweep, client, uri):
    experiment = client.get_run(sweep.run_id).info.experiment_id
    client.create_run(experiment, tags={"mlflow.parentRunId": sweep.run_id})
    assert read_sweep(uri, sweep.name)[1] == []


def test_tracking_leaves_other_users_of_mlflow_alone(tmp_path, monkeypatch, tracker, uri):
    monkeypatch.chdir(tmp_path)

    def state():
        names = ("mlflow", "alembic", "mlflow.store.db.utils")
        levels = [logging.getLogger(name).level for name in (None, *names)]
        return mlflow.get_tracking_uri(), levels

    before = state()
    run_id = Tracker(uri, "elsewhere").start_sweep(full_sweep(name="quiet"), "", STAMPS.next())
    assert state() == before
    assert mlflow.active_run() is None
    assert MlflowClient(uri).get_run(run_id).info.artifact_uri.startswith("file://")
    assert list(tmp_path.iterdir()) == []


def test_secrets_in_the_spec_are_not_stored(tracker, sweep, client, tmp_path, monkeypatch):
    address = "postgresql://me:hunter2@db/mlflow"
    monkeypatch.setattr(tracker, "_uri", address)
    tracker.start_sweep(sweep, f"tracking: {{uri: {address}}}\n", STAMPS.next())
    spec = Path(client.download_artifacts(sweep.run_id, "sweep.yaml", str(tmp_path)))
    assert spec.read_text(encoding="utf-8") == "tracking: {uri: postgresql://***@db/mlflow}\n"


def test_an_unknown_sweep_is_said_with_its_address(tracker, uri):
    with pytest.raises(UnknownSweepError, match="sweep nobody's: not tracked at sqlite"):
        read_sweep(uri, "nobody's")


def test_reading_makes_no_database(tmp_path):
    with pytest.raises(UnknownSweepError, match=r"tracking database .*none\.db does not exist"):
        read_sweep(f"sqlite:///{tmp_path}/none.db", "s")
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_experiment_is_refused(tracker, client, uri):
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(TrackingError, match="experiment gone: deleted in MLflow; restore it"):
        Tracker(uri, "gone")


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("sqlite:///{folder}", "is a folder; use a file in it"),
        ("sqlite:///{folder}/text.db", "not a database"),
        ("nonsense://me:hunter2@host/x", r"cannot open experiment e at nonsense://\*\*\*@host"),
    ],
)
def test_an_address_that_cannot_be_opened_is_said_without_its_secrets(tmp_path, uri, complaint):
    (tmp_path / "text.db").write_text("this is no database " * 100)
    with pytest.raises(TrackingError, match=complaint) as caught:
        Tracker(uri.format(folder=tmp_path), "e")
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_said_at_once(monkeypatch):
    monkeypatch.setattr("results.mlflow.server.getproxies", dict)
    with socket.socket() as taken:  # bound and not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(TrackingError, match=rf"cannot reach http://\*\*\*@.*:{port}: "):
            Tracker(f"http://me:hunter2@127.0.0.1:{port}", "e")


def twice(method):
    """A first call whose answer was lost, and the same again."""

    def call(*args):
        method(*args)
        return method(*args)

    return call


def test_what_is_asked_for_again_is_there_once(tracker, client, uri, request):
    sweep = full_sweep(name=request.node.name, tracking_uri=uri)
    run_id = twice(tracker.start_sweep)(sweep, "name: x\n", STAMPS.next())
    sweep = sweep.with_changes(run_id=run_id, state="complete", ended=9.0)
    record = full_trial(sweep=sweep.name)
    record = record.with_changes(run_id=twice(tracker.start_trial)(record, run_id))
    for measurement in record.measurements:
        twice(tracker.log_measurement)(record.run_id, measurement, STAMPS.next())
    twice(tracker.end_trial)(record, sweep.goals, STAMPS.next())
    twice(tracker.log_test)(record, STAMPS.next())
    twice(tracker.end_sweep)(sweep, judge([record], sweep.goals), STAMPS.next())
    assert read_sweep(uri, sweep.name) == (sweep, [record])
    parent = client.get_run(run_id)
    runs = client.search_runs([parent.info.experiment_id], f"tags.`winnow.sweep` = '{sweep.name}'")
    assert len(runs) == 2
    assert set(logged_values(client, run_id).values()) == {1}
    # Two evaluations, and the totals close two of the series.
    often = {"eval_loss": 2, "point": 2, "tokens": 3, "seconds": 3}
    logged = logged_values(client, record.run_id)
    assert logged == dict.fromkeys(logged, 1) | often


def logged_values(client, run_id):
    metrics = client.get_run(run_id).data.metrics
    return {key: len(client.get_metric_history(run_id, key)) for key in metrics}


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (MlflowException("refused", error_code=INVALID_PARAMETER_VALUE), False),
        (MlflowException("API request failed with exception"), True),
        (RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}), True),
        (RestException({"error_code": "PERMISSION_DENIED", "message": "no"}), False),
        (RestException({"error_code": 502, "message": "bad gateway"}), True),
        (OperationalError("SELECT", {}, Exception("database is locked")), True),
        (ConnectionResetError("reset by peer"), True),
        (ImportError("no psycopg2"), False),
    ],
    ids=str,
)
def test_what_passes_is_told_from_what_does_not(error, away):
    with pytest.raises(TrackingError, match="cannot log at") as caught, reported("here", "log"):
        raise error
    assert isinstance(caught.value, StoreAwayError) == away


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("INSERT", {}, Exception("database or disk is full")),
        MlflowException("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=str,
)
def test_a_full_disk_is_told_from_what_passes_by_itself(error):
    with pytest.raises(StoreFullError), reported("here", "log"):
        raise error


def test_a_locked_database_is_said_within_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr("results.mlflow.database._PATIENCE", 0.2)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as other:
        other.execute("CREATE TABLE anything (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TrackingError, match="database is locked by another process"):
            Tracker(f"sqlite:///{tmp_path}/mlflow.db", "e")


def test_a_failure_of_the_database_is_said(tracker, sweep):
    with pytest.raises(TrackingError, match=r"cannot log evaluation 1 at sqlite.*not found"):
        tracker.log_measurement("0" * 32, measured(1.0)[0], STAMPS.next())


def test_two_processes_may_make_the_same_new_database_at_once(tmp_path):
    opened = (
        f"from results.mlflow.runs import MlflowRuns; MlflowRuns('sqlite:///{tmp_path}/new.db')"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", opened], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [(process.communicate()[1][-500:], process.returncode) for process in both] == [
        ("", 0)
    ] * 2
