from __future__ import annotations

import math
import sys

import pytest
from record_samples import full_trial, measured, trial

from results.mlflow.metrics import Row, measurement_rows, measurements_in, total_rows, totals_in

GOAL = {"eval_loss": "min"}


def logged(*measurements):
    """The rows of evaluations that were logged one after the other."""
    return [row for stamp, one in enumerate(measurements) for row in measurement_rows(one, stamp)]


def test_measurements_come_back_in_the_order_of_time_however_rows_are_mixed():
    rows = logged(*measured(3.0, 2.0, math.inf))
    rows = [row._replace(value=min(row.value, sys.float_info.max)) for row in rows]
    assert measurements_in(reversed(rows)) == measured(3.0, 2.0, math.inf)


def test_two_evaluations_at_one_step_stay_two():
    first, second = measured(3.0, 2.0)
    second = second.with_changes(step=first.step)
    assert measurements_in(logged(first, second)) == (first, second)


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        ((2,), (1, 2)),
        ((1, 2), (1, 2)),
        ((1,), (1,)),
        ((4,), (1, 2, 3, 4)),
    ],
)
def test_a_retry_undoes_the_points_from_which_it_went_on(again, kept):
    first = measured(9.0, 9.0, 9.0)
    retry = [measured(1.0, 1.0, 1.0, 1.0)[point - 1] for point in again]
    back = measurements_in(logged(*first, *retry))
    assert tuple(one.point for one in back) == kept
    assert [one.metrics["eval_loss"] for one in back if one.point in again] == [1.0] * len(again)


def test_totals_are_no_measurement_and_the_latest_count():
    record = full_trial()
    rows = logged(*record.measurements)
    earlier = total_rows(record.with_changes(tokens=1), GOAL, 50)
    rows += earlier + total_rows(record, GOAL, 60)
    assert measurements_in(rows) == record.measurements
    assert totals_in(rows)["tokens"] == record.tokens
    assert totals_in(logged(*record.measurements)) == {}


def test_the_best_value_is_shown_unless_there_is_none():
    assert Row("best_eval_loss", 1.0, 0, 5) in total_rows(trial(0, "complete", 2.0, 1.0), GOAL, 5)
    keys = [row.key for row in total_rows(trial(0, "failed", math.nan), GOAL, 5)]
    assert "best_eval_loss" not in keys


def test_of_several_metrics_no_best_value_is_shown_since_the_last_one_counts():
    goals = {"eval_loss": "min", "eval_accuracy": "max"}
    rows = total_rows(trial(0, "complete", 2.0, 1.0), goals, 5)
    assert not [row.key for row in rows if row.key.startswith("best_")]


def test_a_metric_cannot_take_a_measurements_own_name():
    with pytest.raises(AssertionError):
        measurement_rows(measured(1.0, metric="tokens")[0], 0)
