from __future__ import annotations

import math

import pytest
from record_samples import measured, trial

from results.ranking.winners import Margin, failure, margin, rank
from results.records.record import Measurement


def order(ranking):
    return [winner.record.number for winner in ranking.winners]


@pytest.mark.parametrize(("mode", "numbers"), [("min", [2, 1, 3]), ("max", [3, 1, 2])])
def test_the_best_comes_first(mode, numbers):
    records = [trial(1, "complete", 2.0), trial(2, "complete", 1.0), trial(3, "complete", 3.0)]
    assert order(rank(records, "eval_loss", mode)) == numbers


def test_the_best_evaluation_counts_and_not_the_last():
    overfitted, steady = trial(1, "complete", 1.0, 9.0), trial(2, "complete", 3.0, 2.0)
    first = rank([steady, overfitted], "eval_loss", "min").winners[0]
    assert (first.record.number, first.value, first.best.point) == (1, 1.0, 1)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_of_equals_the_earlier_trial_comes_first_and_the_tie_is_said(mode):
    records = [trial(n, "complete", loss) for n, loss in [(5, 1.0), (9, 2.0), (2, 1.0), (3, 1.0)]]
    winners = rank(records, "eval_loss", mode).winners
    tied = [winner for winner in winners if winner.value == 1.0]
    assert [winner.record.number for winner in tied] == [2, 3, 5]
    assert [winner.tied_with for winner in tied] == [(3, 5), (2, 5), (2, 3)]
    assert [w.tied_with for w in winners if w.record.number == 9] == [()]


def test_a_trial_that_was_pruned_while_it_led_does_not_win():
    ranking = rank([trial(1, "pruned", 0.1), trial(2, "complete", 2.0)], "eval_loss", "min")
    assert order(ranking) == [2]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (trial(1, "waiting"), "not started yet"),
        (trial(1, "running", 2.0), "still running"),
        (
            trial(1, "pruned", 2.5, 2.31, config={"budget.evaluations": 8}),
            "pruned after evaluation 2 of 8 at eval_loss 2.3100",
        ),
        (trial(1, "pruned", 2.5), "pruned after evaluation 1 at eval_loss 2.5000"),
        (trial(1, "pruned"), "pruned before its first evaluation"),
        (trial(1, "diverged", 2.0, math.nan), "diverged: eval_loss was NaN at step 20"),
        (trial(1, "diverged", -math.inf), "diverged: eval_loss was -inf at step 10"),
        (trial(1, "diverged", 2.0, error="loss is NaN at step 13"),
         "diverged: loss is NaN at step 13"),
        (trial(1, "failed", error="CUDA out of memory\n  at x"), "failed: CUDA out of memory"),
        (trial(1, "failed", error="Traceback (most recent call last):\n  File\nKeyError: 'text'\n"),
         "failed: KeyError: 'text'"),
        (trial(1, "failed"), "failed: no reason was recorded"),
        (trial(1, "failed", error="x" * 999), "failed: " + "x" * 200 + "…" + "x" * 199),
        (trial(1, "complete"), "complete but never measured eval_loss"),
        (trial(1, "complete", measurements=measured(1.0, metric="other")),
         "complete but never measured eval_loss"),
        (trial(1, "complete", math.nan), "complete but eval_loss was never a finite number"),
    ],
)  # fmt: skip
def test_whoever_is_left_out_is_told_why(record, why):
    ranking = rank([record], "eval_loss", "min")
    assert ranking.winners == ()
    assert [(out.number, out.status, out.why) for out in ranking.left_out] == [
        (1, record.status, why)
    ]


def test_the_sweeps_own_metric_is_blamed_before_another():
    metrics = {"eval_perplexity": math.inf, "eval_loss": math.nan}
    bad = Measurement(point=1, step=5, tokens=0, seconds=0.0, metrics=metrics)
    out = rank([trial(1, "diverged", measurements=(bad,))], "eval_loss", "min").left_out[0]
    assert out.why == "diverged: eval_loss was NaN at step 5"


def test_a_sweep_has_failed_when_every_trial_did_and_the_first_cause_is_told():
    later = trial(0, "failed", error="no slot is left", ended=9.0)
    first = trial(1, "failed", error="CUDA out of memory\n at x", ended=4.0)
    assert failure([later, first]) == "all 2 trials failed, trial 1 first: CUDA out of memory"
    assert failure([]) == "no trial was run"
    for other in ("complete", "pruned", "diverged"):
        assert failure([first, trial(2, other)]) is None


def test_every_trial_is_either_ranked_or_left_out():
    statuses = ["failed", "complete", "waiting", "complete", "pruned", "running", "diverged"]
    records = [trial(n, status, 1.0 + n) for n, status in enumerate(statuses)]
    ranking = rank(list(reversed(records)), "eval_loss", "min")
    assert order(ranking) == [1, 3]
    assert [out.number for out in ranking.left_out] == [0, 2, 4, 5, 6]


@pytest.mark.parametrize(
    ("mode", "base", "expected"),
    [
        ("min", 3.0, Margin(to_next=0.5, to_base=2.0)),
        ("max", 0.5, Margin(to_next=0.5, to_base=1.0)),
        ("min", None, Margin(to_next=0.5, to_base=None)),
        ("min", math.nan, Margin(to_next=0.5, to_base=None)),
    ],
)
def test_a_margin_is_positive_when_the_winner_is_better(mode, base, expected):
    records = [trial(1, "complete", 1.0), trial(2, "complete", 1.5)]
    first, second = rank(records, "eval_loss", mode).winners
    assert margin(first, second, base, mode) == expected


def test_a_single_winner_has_no_next():
    first = rank([trial(1, "complete", 1.0)], "eval_loss", "min").winners[0]
    assert margin(first, None, 2.0, "min") == Margin(to_next=None, to_base=1.0)
