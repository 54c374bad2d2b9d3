from __future__ import annotations

import json
import math

import pytest
from record_samples import full_sweep, trial

from results.ranking.front import judge
from results.ranking.summary import status_json, winners_json
from results.ranking.winners import rank


@pytest.fixture
def trials():
    return [
        trial(0, "complete", 2.0, math.inf, params={"learning_rate": 0.1}, run_id="r0"),
        trial(1, "pruned", 1.0),
        trial(2, "complete", 1.5, 1.25, params={"learning_rate": 0.2}, run_id="r2"),
        trial(3, "failed", error="out of memory"),
        trial(4, "running", 0.5),
    ]


def strictly(value):
    """What a script reads: fails on NaN and Infinity."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_the_status_of_a_sweep(trials):
    assert strictly(status_json(full_sweep(caps={}), trials)) == {
        "name": "alpaca",
        "state": "running",
        "trials": {
            "waiting": 35,
            "running": 1,
            "complete": 2,
            "pruned": 1,
            "diverged": 0,
            "failed": 1,
            "infeasible": 0,
            "interrupted": 0,
        },
        "best": {"trial": 2, "params": {"learning_rate": 0.2}, "metrics": {"eval_loss": 1.25}},
        "breakdowns": ["The observer thread broke down (KeyError: 'x'); nobody looks"],
        "priors": [{"name": "learning_rate", "value": 3e-4, "method": "lora"}],
        "asked_trials": 60,
    }


def test_best_is_null_before_a_trial_is_complete():
    status = strictly(status_json(full_sweep(), [trial(0, "running", 1.0)]))
    assert status["best"] is None


def test_the_winners_of_a_sweep(trials):
    ranking = rank(trials, "eval_loss", "min")
    assert strictly(winners_json(full_sweep(), ranking, top=1)) == {
        "sweep": "alpaca",
        "metric": "eval_loss",
        "mode": "min",
        "base": {"eval_loss": 3.25, "eval_perplexity": None},
        "winners": [
            {
                "trial": 2,
                "status": "complete",
                "params": {"learning_rate": 0.2},
                "metrics": {"eval_loss": 1.25},
                "run_id": "r2",
            }
        ],
        "left_out": [
            {
                "trial": 1,
                "status": "pruned",
                "why": "pruned after evaluation 1 at eval_loss 1.0000",
            },
            {"trial": 3, "status": "failed", "why": "failed: out of memory"},
            {"trial": 4, "status": "running", "why": "still running"},
        ],
    }


def test_all_winners_unless_the_top_is_asked_for(trials):
    ranking = rank(trials, "eval_loss", "min")
    assert [w["trial"] for w in winners_json(full_sweep(), ranking)["winners"]] == [2, 0]
    assert winners_json(full_sweep(base={}), ranking)["base"] == {}


def test_a_front_takes_the_place_of_metric_mode_and_best(trials):
    sweep = full_sweep(other_metrics={"eval_accuracy": "max"}, caps={})
    last = trials[0].measurements[0].with_changes(metrics={"eval_loss": 2, "eval_accuracy": 0.5})
    trials = [trials[0].with_changes(measurements=(last,)), trials[3]]
    report = strictly(winners_json(sweep, judge(trials, sweep.goals)))
    assert list(report) == ["sweep", "metrics", "base", "winners", "left_out"]
    assert report["metrics"] == {"eval_loss": "min", "eval_accuracy": "max"}
    assert list(report["winners"][0]) == ["trial", "status", "params", "metrics", "run_id"]
    status = strictly(status_json(sweep, trials))
    always = ["name", "state", "trials", "front"]
    assert list(status) == [*always, "breakdowns", "priors", "asked_trials"]
    values = {"eval_loss": 2.0, "eval_accuracy": 0.5}
    assert status["front"] == [{"trial": 0, "params": {"learning_rate": 0.1}, "metrics": values}]
    assert status_json(sweep, [])["front"] == []


def test_what_was_measured_on_training_data_is_told_to_scripts(trials):
    shared = {"validation": {"shared": 40, "records": 40}, "test": {"shared": 1, "records": 9}}
    sweep, ranking = full_sweep(overlaps=shared), rank(trials, "eval_loss", "min")
    assert strictly(status_json(sweep, trials))["overlaps"] == shared
    assert strictly(winners_json(sweep, ranking))["overlaps"] == shared
    for report in (status_json(full_sweep(), trials), winners_json(full_sweep(), ranking)):
        assert "overlaps" not in report


def test_a_metric_that_is_no_number_is_null():
    record = trial(0, "complete", 1.0)
    last = record.measurements[0]
    other = last.with_changes(metrics={"eval_loss": 1.0, "eval_perplexity": math.nan})
    ranking = rank([record.with_changes(measurements=(other,))], "eval_loss", "min")
    winner = strictly(winners_json(full_sweep(), ranking))["winners"][0]
    assert winner["metrics"] == {"eval_loss": 1.0, "eval_perplexity": None}
