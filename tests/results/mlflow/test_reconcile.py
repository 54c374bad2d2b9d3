"""A sweep that MLflow has missed a part of, brought in from its records, on a real database."""

from __future__ import annotations

import contextlib
import math

import pytest
from mlflow import MlflowClient
from record_samples import full_sweep, full_trial, trial

from results.mlflow.reconcile import reconcile
from results.mlflow.tracking import Tracker, read_sweep
from results.ranking.front import judge
from results.records.stamps import Stamps

STAMPS = Stamps()
TEXT = "name: x\n"


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="module")
def tracker(uri):
    return Tracker(uri, "tuning")


@pytest.fixture
def client(uri, tracker):
    return MlflowClient(uri)


@pytest.fixture
def sweep(uri, request):
    return full_sweep(name=request.node.name, tracking_uri=uri, state="complete", ended=1.7e9)


@pytest.fixture
def bring_in(tracker, tmp_path):
    """Reconcile with weights for trial 0 only."""
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "adapter.safetensors").write_bytes(b"x")

    def bring_in(sweep, records):
        ranking = judge(records, sweep.goals)
        return reconcile(tracker, TEXT, sweep, records, ranking, lambda n: tmp_path / str(n))

    return bring_in


def records_of(sweep):
    """Trials of every kind."""
    whole = full_trial(sweep=sweep.name)
    facts = {"sweep": sweep.name, "provenance": whole.provenance, "params": {"x": 1}}
    facts |= {"config": {"x": 1, "y": "z"}, "attempts": 1, "started": 1.6e9}
    ended = {"seconds": 0.5, "tokens": 4000, "tokens_per_second": 8.0, "ended": 1.7e9}
    return [
        trial(0, "complete", 3.0, 2.0, 0.25, **facts, **ended),
        trial(1, "diverged", 3.0, math.nan, **facts, **ended),
        trial(2, "pruned", math.inf, **facts, **ended),
        trial(3, "failed", error="line\n" * 2000, **facts, **ended),
        trial(4, "running", 3.0, 2.5, **facts),
        whole,
        trial(8, "interrupted", 3.0, 2.0, **facts, **(ended | {"ended": None})),
    ]


def track(tracker, sweep, record, *, points=(), end=False):
    """Track a part of a trial, as a sweep does whose store goes away."""
    opened = record.with_changes(status="running", error=None, ended=None)
    record = record.with_changes(run_id=tracker.start_trial(opened, sweep.run_id))
    for measurement in record.measurements:
        stamp = STAMPS.next()
        if measurement.point in points:
            tracker.log_measurement(record.run_id, measurement, stamp)
    if end:
        tracker.end_trial(record, sweep.goals, STAMPS.next())
        tracker.log_test(record, STAMPS.next())
    return record


def begin(tracker, sweep):
    running = sweep.with_changes(state="running", ended=None)
    return sweep.with_changes(run_id=tracker.start_sweep(running, TEXT, STAMPS.next()))


def logged(client, run_id):
    """metric -> how many values it has."""
    metrics = client.get_run(run_id).data.metrics
    return {key: len(client.get_metric_history(run_id, key)) for key in metrics}


def assert_told(client, uri, sweep, records):
    """MLflow tells the records, and no value of theirs twice."""
    read, trials = read_sweep(uri, sweep.name)
    assert read.same_as(sweep.with_changes(run_id=read.run_id))
    assert [record.number for record in trials] == [record.number for record in records]
    for told, record in zip(trials, records, strict=True):
        assert told.same_as(record.with_changes(run_id=told.run_id))
        assert client.get_run(told.run_id).info.status == record.status.mlflow
        points = len(record.measurements)
        closed = record.status != "running"
        often = {"eval_loss": points, "point": points}
        often |= dict.fromkeys(("tokens", "seconds"), points + closed)
        counts = logged(client, told.run_id)
        assert counts == dict.fromkeys(counts, 1) | {key: n for key, n in often.items() if n}
    assert set(logged(client, read.run_id).values()) <= {1}


def test_a_sweep_that_is_not_there_is_brought_in_whole_and_once(bring_in, client, uri, sweep):
    records = records_of(sweep)
    first = bring_in(sweep, records)
    assert first.changed == 1 + len(records)
    assert first.refused == []
    assert_told(client, uri, sweep, records)
    assert sorted(first.run_ids) == [record.number for record in records]
    again = bring_in(sweep, records)
    assert (again.changed, again.run_ids) == (0, first.run_ids)
    assert_told(client, uri, sweep, records)
    names = {file.path for file in client.list_artifacts(first.run_ids[0])}
    assert names == {"winner.yaml", "model"}
    assert {file.path for file in client.list_artifacts(first.parent)} == names | {"sweep.yaml"}
    assert client.get_run(first.parent).data.tags["winnow.winner"] == "0"


def test_a_trial_that_was_cut_off_while_it_was_written_together_is_brought_in(
    tracker, bring_in, client, uri, sweep
):
    """Its run has the tags of its end from the start, and nothing else yet."""
    begun = begin(tracker, sweep)
    records = records_of(sweep)[:1]
    with contextlib.suppress(KeyError), tracker.together(records[0]):
        track(tracker, begun, records[0])
        raise KeyError
    assert bring_in(sweep, records).changed == 2
    assert_told(client, uri, sweep, records)


@pytest.mark.parametrize(
    "tracked",
    [
        {},
        {"points": {1}},
        {"points": {2}},
        {"points": {1, 3}},
        {"points": {1, 2, 3}},
        {"end": True},
        {"points": {3}, "end": True},
        {"points": {1, 2}, "end": True},
    ],
    ids=str,
)
def test_a_trial_that_was_tracked_in_part_is_completed(
    bring_in, tracker, client, uri, sweep, tracked
):
    sweep = begin(tracker, sweep)
    records = records_of(sweep)
    run_id = track(tracker, sweep, records[0], **tracked).run_id
    done = bring_in(sweep, records)
    assert done.run_ids[0] == run_id
    assert_told(client, uri, sweep, records)
    assert bring_in(sweep, records).changed == 0


def test_what_is_tracked_whole_is_left_alone(bring_in, tracker, client, uri, sweep):
    sweep = begin(tracker, sweep)
    records = [
        track(tracker, sweep, record, points={1, 2, 3}, end=record.status != "running")
        for record in records_of(sweep)
    ]
    tracker.end_sweep(sweep, judge(records, sweep.goals), STAMPS.next())
    runs = {record.number: record.run_id for record in records}
    done = bring_in(sweep, records)
    assert done.run_ids == runs
    # Only what the winner left was missing.
    assert done.touched == {sweep.run_id, runs[0]}
    assert_told(client, uri, sweep, records)


def test_only_runs_that_may_lack_something_are_read(bring_in, tracker, sweep, monkeypatch):
    sweep = begin(tracker, sweep)
    records = []
    for record in records_of(sweep):
        points = {2} if record.number == 0 else {1, 2, 3}
        records.append(track(tracker, sweep, record, points=points, end=record.number != 4))
    read, reads = [], tracker.tracked
    monkeypatch.setattr(tracker, "tracked", lambda run: read.append(run.run_id) or reads(run))
    bring_in(sweep, records)
    assert read == [records[0].run_id, records[4].run_id], "incomplete, and not at its end"
    read.clear()
    bring_in(sweep, [records[0], records[1].with_changes(attempts=9), *records[2:]])
    assert read == [records[number].run_id for number in (0, 1, 4)]


def test_a_run_that_shows_an_earlier_state_is_mended(bring_in, tracker, client, uri, sweep):
    records = records_of(sweep)
    done = bring_in(sweep, records)
    client.update_run(done.run_ids[0], "RUNNING")
    client.set_tag(done.run_ids[1], "winnow.status", "running")
    client.set_tag(done.run_ids[2], "winnow.error", "an earlier attempt's")
    client.set_tag(done.parent, "winnow.state", "running")
    again = bring_in(sweep, records)
    assert again.touched == {done.parent, *(done.run_ids[n] for n in (0, 1, 2))}
    assert_told(client, uri, sweep, records)


def test_a_sweep_that_goes_on_is_left_open(bring_in, tracker, client, uri, sweep):
    sweep = begin(tracker, sweep).with_changes(state="running", ended=None)
    waiting = trial(9, "waiting", sweep=sweep.name)
    records = records_of(sweep)
    assert bring_in(sweep, [*records, waiting]).changed == len(records)
    assert_told(client, uri, sweep, records)
    assert client.get_run(sweep.run_id).info.status == "RUNNING"
    assert bring_in(sweep, [*records, waiting]).changed == 0


def test_a_trial_that_goes_back_to_a_checkpoint_has_the_run_it_had(bring_in, tracker, sweep, uri):
    sweep = begin(tracker, sweep)
    whole = trial(0, "running", 3.0, 2.0, 1.0, sweep=sweep.name)
    track(tracker, sweep, whole, points={1, 2, 3})
    back = trial(0, "running", 3.0, sweep=sweep.name)
    assert bring_in(sweep, [back]).changed == 1  # the sweep
    ended = trial(0, "complete", 3.0, 2.5, sweep=sweep.name)
    bring_in(sweep, [ended])
    assert read_sweep(uri, sweep.name)[1][0].measurements == ended.measurements


def test_the_front_is_marked_and_no_other(bring_in, tracker, client, sweep):
    sweep = sweep.with_changes(other_metrics={"eval_accuracy": "max"})
    points = [(3.0, 0.9), (3.0, 0.8), (1.0, 0.1)]
    records = [
        trial(n, "complete", sweep=sweep.name).with_changes(
            measurements=[
                {"point": 1, "step": 1, "tokens": 1, "seconds": 1.0,
                 "metrics": dict(zip(sweep.goals, point, strict=True))}
            ]
        )
        for n, point in enumerate(points)
    ]  # fmt: skip
    done = bring_in(sweep, records)
    client.set_tag(done.run_ids[1], "winnow.on_front", "true")
    client.delete_tag(done.run_ids[0], "winnow.on_front")
    assert bring_in(sweep, records).touched == {done.run_ids[0], done.run_ids[1]}
    marked = {
        number
        for number, run_id in done.run_ids.items()
        if "winnow.on_front" in client.get_run(run_id).data.tags
    }
    assert marked == {0, 2}
    assert client.get_run(done.parent).data.tags["winnow.front"] == "2,0"


def test_a_winner_whose_run_mlflow_refuses_stays_the_winner(bring_in, sweep, client):
    best = trial(0, "complete", 1.0, sweep=sweep.name, config={"a:bad;name": 1})
    done = bring_in(sweep, [best, trial(1, "complete", 2.0, sweep=sweep.name)])
    assert len(done.refused) == 1
    parent = client.get_run(done.parent)
    assert parent.data.tags["winnow.winner"] == "0"
    assert "winnow.winner_run_id" not in parent.data.tags
    assert parent.data.metrics["best_eval_loss"] == 1.0


def test_what_mlflow_refuses_is_said_and_the_rest_goes_on(bring_in, sweep, uri):
    bad = trial(0, "complete", 1.0, sweep=sweep.name, config={"a:bad;name": 1})
    good = trial(1, "complete", 2.0, sweep=sweep.name)
    done = bring_in(sweep, [bad, good])
    assert len(done.refused) == 1
    assert "a:bad;name" in done.refused[0]
    assert read_sweep(uri, sweep.name)[1][1].same_as(good.with_changes(run_id=done.run_ids[1]))
