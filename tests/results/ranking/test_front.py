from __future__ import annotations

import math

import pytest
from record_samples import trial

from results.ranking.front import judge
from results.records.record import Measurement

GOALS = {"eval_loss": "min", "eval_accuracy": "max"}


def measured(number: int, *points: tuple[float, float], status: str = "complete", **fields):
    """A trial with these values of the two metrics at its evaluations."""
    measurements = tuple(
        Measurement(
            point=i, step=i, tokens=0, seconds=0.0, metrics=dict(zip(GOALS, point, strict=True))
        )
        for i, point in enumerate(points, 1)
    )
    return trial(number, status, measurements=measurements, **fields)


def numbers(ranking):
    return [winner.record.number for winner in ranking.winners]


def test_a_front_is_ordered_by_the_first_metric_and_the_others_know_who_beats_them():
    ranking = judge(
        [
            measured(0, (3.0, 0.9)),
            measured(1, (2.0, 0.8)),
            measured(2, (2.5, 0.7)),
            measured(3, (1.0, 0.1)),
            measured(4, (2.0, 0.5)),
        ],
        GOALS,
    )
    assert numbers(ranking) == [3, 1, 0] and ranking.several
    assert [(out.number, out.why) for out in ranking.left_out] == [
        (2, "dominated by trial 1"),
        (4, "dominated by trial 1"),
    ]
    assert [winner.value for winner in ranking.winners] == [1.0, 2.0, 3.0]
    assert ranking.chosen == ranking.winners


def test_a_point_that_is_dominated_by_what_no_table_shows_says_by_what():
    ranking = judge(
        [
            measured(0, (8.12e-6, 0.5)),
            measured(1, (7.91e-6, 0.5)),
            measured(2, (8.12e-6, 0.4)),
        ],
        GOALS,
    )
    assert [(out.number, out.why) for out in ranking.left_out] == [
        (0, "barely dominated by trial 1: eval_loss 8.1e-06, there 7.9e-06"),
        (2, "dominated by trial 1"),
    ]


def test_the_last_evaluation_counts_and_not_the_best_of_each_metric():
    never_at_once = measured(0, (1.0, 0.1), (5.0, 0.9))
    ranking = judge([never_at_once, measured(1, (4.0, 0.95))], GOALS)
    assert numbers(ranking) == [1]
    assert judge([never_at_once], GOALS).winners[0].best.point == 2


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (measured(0, (0.0, 1.0), status="diverged", error="loss"), "diverged: loss"),
        (measured(0, (0.0, 1.0), status="failed", error="boom"), "failed: boom"),
        (measured(0, (0.0, 1.0), status="pruned"), "pruned after evaluation 1 at eval_loss 0.0000"),
        (measured(0, (0.0, 1.0), status="running"), "still running"),
        (measured(0, (0.0, 1.0), (0.0, math.nan)),
         "complete but eval_accuracy was not a finite number at the last evaluation"),
        (measured(0, (math.inf, 1.0)),
         "complete but eval_loss was not a finite number at the last evaluation"),
        (measured(0), "complete but never measured eval_loss"),
    ],
)  # fmt: skip
def test_whoever_cannot_be_compared_is_never_on_the_front(record, why):
    ranking = judge([record, measured(1, (9.0, 0.0))], GOALS)
    assert numbers(ranking) == [1]
    assert [(out.number, out.why, out.dominated_by) for out in ranking.left_out] == [(0, why, None)]


def test_equals_are_on_the_front_together():
    ranking = judge([measured(n, (1.0, 0.5)) for n in (4, 2, 7)], GOALS)
    assert numbers(ranking) == [2, 4, 7]
    assert [winner.tied_with for winner in ranking.winners] == [(4, 7), (2, 7), (2, 4)]


def test_with_one_metric_only_the_best_is_chosen():
    records = [measured(0, (3.0, 0.9)), measured(1, (2.0, 0.1), (2.5, 0.1))]
    ranking = judge(records, {"eval_loss": "min"})
    assert (numbers(ranking), ranking.several) == ([1, 0], False)
    assert [winner.record.number for winner in ranking.chosen] == [1]
    assert ranking.winners[0].value == 2.0


def test_without_a_complete_trial_nobody_is_on_the_front():
    assert judge([measured(0, (1.0, 1.0), status="running")], GOALS).chosen == ()


def test_a_dominated_trial_that_is_nowhere_better_than_the_base_says_so():
    points = [(1.0, 0.9), (2.5, 0.4), (2.5, 0.8), (2.0, 0.5)]
    trials = [measured(number, point) for number, point in enumerate(points)]
    base = {"eval_loss": 2.0, "eval_accuracy": 0.5}
    assert {out.number: out.why for out in judge(trials, GOALS, base).left_out} == {
        1: "dominated by trial 0; worse than the untouched base model (eval_loss 2.5000, there "
        "2.0000; eval_accuracy 0.4000, there 0.5000)",
        2: "dominated by trial 0",
        3: "dominated by trial 0",
    }
    known = judge(trials, GOALS, {"eval_loss": 2.0}).left_out
    assert "model (eval_loss 2.5000, there 2.0000)" in known[1].why, "of what was measured"
    assert "base" not in judge(trials, GOALS).left_out[0].why
