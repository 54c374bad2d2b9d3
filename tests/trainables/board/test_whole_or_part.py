"""Which evaluations on a part of the validation set are to be made on the whole of it."""

from __future__ import annotations

import pytest
from boards import COMPLETE, in_a_loop, job, take

from trainables.board.board import Board
from trainables.board.trial_patience import TrialPatience
from trainables.core.evaluation import Ending, Evaluation, Outcome


def part(point, value):
    return Evaluation(point, 10 * point, {}, subset={"eval_loss": value})


def whole(point, value, on_part):
    metrics, subset = {"eval_loss": value}, {"eval_loss": on_part}
    return Evaluation(point, 10 * point, metrics, subset=subset)


async def board_with(*names, **settings):
    board = Board({"eval_loss": "min"}, **settings)
    for name in names:
        await board.submit(job(name))
        await take(board, "one")
    return board


@in_a_loop
async def test_without_a_complete_trial_any_best_so_far_may_become_a_result():
    board = await board_with("a")
    assert await board.wants_whole("a", part(1, 3.0))
    await board.evaluated("a", whole(1, 3.3, 3.0))
    assert not await board.wants_whole("a", part(2, 3.1)), "worse than its own first"
    assert await board.wants_whole("a", part(2, 2.9))


@in_a_loop
async def test_complete_trials_are_compared_on_the_same_examples():
    """On the whole set the losses are larger here; a part of 2.1 does not beat a part of 2.0."""
    board = await board_with("a", "b")
    await board.evaluated("a", whole(4, 2.5, 2.0))
    await board.ended("a", COMPLETE)
    await board.accept("a")
    assert not await board.wants_whole("b", part(1, 2.1))
    assert await board.wants_whole("b", part(1, 1.9))
    reply = await board.evaluated("b", whole(1, 2.4, 1.9))
    assert reply.is_best and reply.may_win


@in_a_loop
async def test_with_several_kept_the_worst_of_them_is_to_be_beaten():
    board = await board_with("a", "b", "c", kept=2)
    for name, value in (("a", 1.0), ("b", 2.0)):
        await board.evaluated(name, whole(4, value + 0.5, value))
        await board.accept(name)
    assert await board.wants_whole("c", part(1, 1.9))
    assert not await board.wants_whole("c", part(1, 2.1))


@in_a_loop
async def test_a_part_is_never_a_trials_best_and_has_no_weights_kept():
    board = await board_with("a")
    reply = await board.evaluated("a", part(1, 0.1))
    assert (reply.go_on, reply.is_best, reply.may_win) == (True, False, False)
    last = await board.evaluated("a", whole(4, 2.0, 0.2))
    assert last.is_best and last.may_win, "0.1 was of other examples"
    await board.accept("a")
    await board.submit(job("b"))
    await take(board, "one")
    assert (await board.evaluated("b", whole(4, 1.9, 0.3))).may_win, "judged by the whole set"


@in_a_loop
async def test_a_trial_that_was_stopped_is_not_measured_further():
    board = await board_with("a")
    await board.cancel("a")
    assert not await board.wants_whole("a", part(1, 1.0))


@in_a_loop
async def test_the_evaluation_with_which_patience_ends_a_trial_is_its_result():
    patience = TrialPatience(1, 0.0, "eval_loss", "min")
    board = await board_with("a", "b", patience=patience)
    await board.evaluated("b", whole(4, 0.5, 0.5))
    await board.accept("b")
    assert not await board.wants_whole("a", part(1, 2.0))
    await board.evaluated("a", part(1, 2.0))
    assert await board.wants_whole("a", part(2, 2.1))
    assert not (await board.evaluated("a", whole(2, 2.2, 2.1))).go_on
    await board.ended("a", Outcome(Ending.STOPPED))
    assert (await board.event("a", 2)).ending is Ending.COMPLETE


@pytest.mark.parametrize("goals", [{"eval_loss": "min", "eval_accuracy": "max"}])
@in_a_loop
async def test_on_a_front_only_the_last_evaluation_counts(goals):
    board = Board(goals)
    await board.submit(job("a"))
    await take(board, "one")
    both = {"eval_loss": 1.0, "eval_accuracy": 1.0}
    assert not await board.wants_whole("a", Evaluation(1, 10, {}, subset=both))
