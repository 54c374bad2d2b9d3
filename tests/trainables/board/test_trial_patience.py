"""A trial that no longer improves ends as complete; the board decides, whatever trains it."""

from __future__ import annotations

import pytest
from boards import in_a_loop, job, loss, take

from trainables.board.board import Board
from trainables.board.trial_patience import TrialPatience
from trainables.core.evaluation import Ending, Evaluation, Outcome


@pytest.mark.parametrize(
    ("values", "over"),
    [
        ((3.0, 2.0, 1.0), False),
        ((3.0, 2.0, 2.0, 2.1), True),
        ((3.0, 2.0, 2.1, 1.5, 1.6), False),  # counted from the best
        ((3.0, 2.95, 2.9), False),  # together they are worth more than min_delta
        ((3.0, 2.99, 2.97), True),
        ((2.0, float("nan"), float("nan")), True),
    ],
)
def test_evaluations_without_improvement_end_it(values, over):
    patience = TrialPatience(2, 0.04, "eval_loss", "min")
    seen = [loss(point, value) for point, value in enumerate(values, 1)]
    assert patience.is_over(seen) is over
    mirrored = [
        Evaluation(each.point, each.step, {"eval_f1": -each.metrics["eval_loss"]}) for each in seen
    ]
    assert TrialPatience(2, 0.04, "eval_f1", "max").is_over(mirrored) is over


def test_evaluations_without_the_metric_do_not_count():
    patience = TrialPatience(1, 0.0, "eval_rouge", "max")
    seen = [loss(1, 3.0), Evaluation(2, 20, {"eval_rouge": 0.5}), loss(3, 1.0)]
    assert not patience.is_over(seen)


async def a_trial_at(*values):
    patience = TrialPatience(2, 0.0, "eval_loss", "min")
    board = Board({"eval_loss": "min"}, patience=patience)
    await board.submit(job("a"))
    board._slots.add("one", "", ())
    await take(board, "one")
    replies = [await board.evaluated("a", loss(n, value)) for n, value in enumerate(values, 1)]
    return board, replies


async def outcome_of(board, heard):
    return (await board.event("a", heard)).ending


@in_a_loop
async def test_the_slot_is_told_to_stop_and_the_trial_is_complete():
    board, replies = await a_trial_at(2.0, 2.1, 2.2)
    assert [reply.go_on for reply in replies] == [True, True, False]
    await board.ended("a", Outcome(Ending.STOPPED))
    assert await outcome_of(board, 3) is Ending.COMPLETE


@in_a_loop
async def test_a_trial_that_the_search_stops_meanwhile_is_not_complete():
    board, _ = await a_trial_at(2.0, 2.1, 2.2)
    await board.cancel("a")
    await board.ended("a", Outcome(Ending.STOPPED))
    assert await outcome_of(board, 3) is Ending.STOPPED


@in_a_loop
async def test_the_best_evaluation_of_such_a_trial_sets_what_others_must_reach():
    board, _ = await a_trial_at(1.0, 2.1, 2.2)
    await board.ended("a", Outcome(Ending.STOPPED))
    await board.accept("a")
    await board.submit(job("b"))
    await take(board, "one")
    assert not (await board.evaluated("b", loss(1, 1.5))).may_win
