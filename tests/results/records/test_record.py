from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities import RunStatus
from pydantic import ValidationError
from record_samples import full_sweep, full_trial, measured, trial

from results.records.record import Measurement, SweepRecord, TrialRecord, TrialStatus


def test_only_a_complete_trial_can_win():
    assert [status for status in TrialStatus if status.can_win] == [TrialStatus.COMPLETE]


def test_a_trial_has_ended_unless_it_waits_runs_or_was_interrupted():
    open_ones = [status.value for status in TrialStatus if not status.ended]
    assert open_ones == ["waiting", "running", "interrupted"]


@pytest.mark.parametrize(
    ("status", "mlflow_name"),
    [
        ("waiting", "SCHEDULED"),
        ("running", "RUNNING"),
        ("complete", "FINISHED"),
        ("pruned", "KILLED"),
        ("interrupted", "KILLED"),
        ("diverged", "FAILED"),
        ("failed", "FAILED"),
    ],
)
def test_a_status_has_a_name_in_mlflow(status, mlflow_name):
    assert TrialStatus(status).mlflow == mlflow_name
    # A run that nobody writes to any more is over for MLflow, until the sweep is resumed.
    over = TrialStatus(status).ended or status == "interrupted"
    assert RunStatus.is_terminated(RunStatus.from_string(mlflow_name)) == over


@pytest.mark.parametrize("record", [full_trial(), full_sweep()])
def test_a_record_survives_json_whole(record):
    assert type(record).model_validate_json(record.model_dump_json()) == record


@given(value=st.floats())
def test_any_metric_survives_json_bit_for_bit(value):
    measurement = Measurement(point=1, step=2, tokens=3, seconds=4.0, metrics={"x": value})
    text = measurement.model_dump_json()
    back = Measurement.model_validate_json(text).metrics["x"]
    assert repr(back) == repr(value) or (math.isnan(back) and math.isnan(value))
    json.loads(text, parse_constant=pytest.fail)  # strict JSON has no NaN


@pytest.mark.parametrize("value", [1, 1.0, True, "1", None, [1, "1", 2.5]])
def test_a_searched_value_keeps_its_type(value):
    record = trial(params={"x": value})
    back = TrialRecord.model_validate_json(record.model_dump_json()).params["x"]
    assert (type(back), back) == (type(value), value)


def test_a_tuple_is_kept_as_a_list_so_that_the_copy_equals_the_original():
    record = trial(params={"lora.target_modules": ("q_proj", "v_proj")})
    assert record.params["lora.target_modules"] == ["q_proj", "v_proj"]
    assert TrialRecord.model_validate_json(record.model_dump_json()) == record


def test_a_record_does_not_change_but_gives_a_changed_copy():
    record = trial(3, "running")
    ended = record.with_changes(status="pruned", seconds=2)
    assert (record.status, ended.status, ended.number) == ("running", "pruned", 3)
    with pytest.raises(ValidationError, match="frozen"):
        record.number = 4


@pytest.mark.parametrize("change", [{"status": "lost"}, {"tokens": -1}, {"colour": "red"}])
def test_a_change_is_checked(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        trial().with_changes(**change)


@pytest.mark.parametrize(
    ("losses", "mode", "point"),
    [
        ((3.0, 1.0, 2.0), "min", 2),
        ((3.0, 1.0, 2.0), "max", 1),
        ((2.0, 1.0, 1.0), "min", 2),
        ((2.0, 2.0, 1.0), "max", 1),
        ((math.nan, 5.0, math.nan), "min", 2),
        ((-math.inf, 5.0), "min", 2),
        ((math.inf, 5.0), "max", 2),
    ],
)
def test_best_is_the_best_finite_evaluation_and_the_earliest_of_equals(losses, mode, point):
    assert trial(0, "complete", *losses).best("eval_loss", mode).point == point


@pytest.mark.parametrize("losses", [(), (math.nan,), (math.inf, -math.inf)])
def test_without_a_finite_value_nothing_is_best(losses):
    assert trial(0, "complete", *losses).best("eval_loss", "min") is None


def test_a_metric_that_was_not_measured_has_no_best():
    assert trial(0, "complete", 1.0).best("eval_accuracy", "max") is None


def test_last_is_the_latest_evaluation():
    assert trial(0, "running", 1.0, 2.0).last() == measured(1.0, 2.0)[1]
    assert trial(0, "waiting").last() is None


def test_a_sweep_record_never_holds_a_password():
    record = full_sweep(tracking_uri="postgresql://me:hunter2@db/mlflow")
    assert "hunter2" not in record.model_dump_json()
    assert SweepRecord.model_validate_json(record.model_dump_json()) == record
