"""Evaluations on a part of the validation set are never mistaken for those on the whole of it."""

from __future__ import annotations

from record_samples import trial

from results.mlflow.metrics import measurement_rows, measurements_in, total_rows
from results.ranking.front import judge
from results.records.record import Measurement, TrialRecord

GOALS = {"eval_loss": "min"}


def at(point, whole=None, part=None):
    values = {"metrics": whole, "subset": part}
    given = {name: {"eval_loss": value} if value else {} for name, value in values.items()}
    return Measurement(point=point, step=10 * point, tokens=1, seconds=1.0, **given)


LUCKY = trial(0, "complete", measurements=(at(1, part=0.5), at(2, whole=2.0, part=1.0)))
BEST = trial(1, "complete", measurements=(at(1, part=1.5), at(2, whole=1.9, part=1.2)))
EARLY = trial(2, "complete", measurements=(at(1, whole=1.8, part=0.7), at(2, whole=2.2, part=1.1)))
STOPPED = trial(3, "pruned", config={"budget.evaluations": 2}, measurements=(at(1, part=0.4),))


def test_a_trials_result_is_its_best_evaluation_on_the_whole_set():
    assert LUCKY.best("eval_loss", "min").metrics == {"eval_loss": 2.0}
    assert EARLY.best("eval_loss", "min").point == 1
    assert STOPPED.best("eval_loss", "min") is None


def test_trials_are_ranked_by_the_whole_set_and_stopped_ones_say_what_they_had():
    ranking = judge([LUCKY, BEST, STOPPED, EARLY], GOALS)
    assert [(w.record.number, w.value) for w in ranking.winners] == [(2, 1.8), (1, 1.9), (0, 2.0)]
    assert ranking.left_out[0].why == "pruned after evaluation 1 of 2 at eval_loss ~0.4000"


def test_they_survive_json_and_mlflow():
    for record in (LUCKY, EARLY, STOPPED):
        assert TrialRecord.model_validate_json(record.model_dump_json()) == record
        rows = [
            row
            for stamp, one in enumerate(record.measurements)
            for row in measurement_rows(one, stamp)
        ]
        assert measurements_in(rows) == record.measurements
        keys = {row.key: row.value for row in rows if row.step == 10}
        assert keys["subset_eval_loss"] == record.measurements[0].compared["eval_loss"]
        assert ("eval_loss" in keys) == (record is EARLY), "one series is of one set"
    totals = {row.key: row.value for row in total_rows(LUCKY, GOALS, 9)}
    assert totals["best_eval_loss"] == 2.0
    assert "best_eval_loss" not in {row.key for row in total_rows(STOPPED, GOALS, 9)}
