from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from boards import COMPLETE, TOY, board_with, in_a_loop, job, loss, take
from hypothesis import given
from hypothesis import strategies as st

from trainables.board.board import Board
from trainables.board.job import Job, JobKind
from trainables.core.evaluation import Ending, Evaluation, Outcome


@in_a_loop
async def test_a_trial_worse_than_the_base_model_may_win_all_the_same():
    board = Board({"eval_loss": "min"})
    await board.submit(job("base", JobKind.MEASURE_BASE))
    await take(board, "one")
    await board.evaluated("base", loss(0, 4.0))
    await board.ended("base", COMPLETE)
    await board.submit(job("a"))
    await take(board, "one")
    assert (await board.evaluated("a", loss(1, 5.0))).may_win


@in_a_loop
async def test_of_the_best_so_many_trials_the_weights_are_worth_keeping():
    board = Board({"eval_loss": "min"}, kept=2)
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        await board.submit(job(name))
        await take(board, "one")
        assert (await board.evaluated(name, loss(1, value))).may_win == (name != "c")
        await board.ended(name, COMPLETE)
        await board.accept(name)


@in_a_loop
async def test_complete_trials_from_before_are_what_others_must_reach():
    board = await board_with("a", taken_by="one")
    await board.remember((loss(1, 3.0), loss(4, 1.5)))
    assert not (await board.evaluated("a", loss(1, 1.6))).may_win
    assert (await board.evaluated("a", loss(2, 1.4))).may_win


@in_a_loop
async def test_only_the_best_so_far_may_win():
    board = await board_with("a", taken_by="one")
    replies = [await board.evaluated("a", loss(p, v)) for p, v in enumerate([3, 2, 2.5, 1], 1)]
    assert [reply.is_best for reply in replies] == [True, True, False, True]
    assert [reply.may_win for reply in replies] == [True, True, False, True]


@in_a_loop
async def test_a_trial_that_ended_badly_raises_no_bar_but_a_complete_one_does():
    board = await board_with("bad", "good", "late", taken_by="one")
    await board.evaluated("bad", loss(1, 0.1))
    await board.ended("bad", Outcome(Ending.DIVERGED))
    assert (await board.evaluated("good", loss(1, 1.0))).may_win
    await board.ended("good", COMPLETE)
    assert (await board.evaluated("late", loss(1, 1.5))).may_win, (
        "the scheduler may have stopped it"
    )
    await board.accept("good")
    reply = await board.evaluated("late", loss(2, 1.2))
    assert reply.is_best and not reply.may_win
    assert (await board.evaluated("late", loss(2, 0.9))).may_win


@in_a_loop
async def test_an_equal_of_the_best_complete_trial_may_win():
    """The lower number wins among equals, and it may be the one that ends later."""
    board = await board_with("1", "2", taken_by="one")
    await board.evaluated("2", loss(1, 1.0))
    await board.ended("2", COMPLETE)
    assert (await board.evaluated("1", loss(1, 1.0))).may_win


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_metric_that_is_no_number_never_wins(value):
    async def scene():
        board = await board_with("a", taken_by="one")
        metrics = {} if value is None else {"eval_loss": value}
        first = await board.evaluated("a", Evaluation(1, 1, metrics))
        return first, await board.evaluated("a", loss(2, 9.0))

    first, second = asyncio.run(scene())
    assert not first.may_win and second.may_win and second.is_best


measured = st.lists(st.sampled_from([1.0, 2.0, 3.0, math.nan]), min_size=1, max_size=3)


endings = st.sampled_from([Ending.COMPLETE, Ending.COMPLETE, Ending.STOPPED, Ending.DIVERGED])


trials = st.lists(st.tuples(measured, endings), min_size=3, max_size=3)


slot_dies = st.integers(0, 9).map(lambda n: n == 9)


turns = st.lists(st.tuples(st.integers(0, 2), slot_dies), min_size=20, max_size=30)


@given(mode=st.sampled_from(["min", "max"]), trials=trials, turns=turns)
def test_the_winners_weights_were_always_kept(mode, trials, turns):
    """However trials interleave and slots die, the winner's weights are those of its best point.

    The winner is the complete trial with the best evaluation; the lower number wins among equals.
    """
    kept, complete = asyncio.run(_play(mode, trials, turns))
    sign = 1 if mode == "min" else -1
    points = [
        (sign * value, number, point)
        for number in complete
        for point, value in enumerate(trials[number][0], 1)
        if math.isfinite(value)
    ]
    if points:
        _, winner, best_point = min(points)
        assert kept.get(winner) == best_point


two = st.lists(st.sampled_from([1.0, 2.0, 3.0, math.nan]), min_size=2, max_size=2)


pairs = st.lists(st.tuples(st.lists(two, min_size=1, max_size=2), endings), min_size=3, max_size=3)


@given(trials=pairs, turns=turns)
def test_the_weights_of_the_whole_front_were_always_kept(trials, turns):
    """With two metrics: those of the last evaluation of each trial that no other one beats."""
    kept, complete = asyncio.run(_play("min", trials, turns, {"eval_accuracy": "max"}))
    last = {number: trials[number][0][-1] for number in complete}
    finite = {number: point for number, point in last.items() if not any(map(math.isnan, point))}
    for number, (low, high) in finite.items():
        beaten = any(a <= low and b >= high and (a, b) != (low, high) for a, b in finite.values())
        assert beaten or kept.get(number) == len(trials[number][0])
    assert {number for number, point in kept.items() if point < len(trials[number][0])} == set()


async def _play(mode, trials, turns, others=None):
    """Each turn a trial measures its next point, or ends after its last, or its slot dies.

    Returns the point whose weights each trial's folder holds, and who came to the end.
    """
    board = Board({"eval_loss": mode, **(others or {})}, retries=99)
    at, kept, ended = [0] * len(trials), {}, {}
    for number in range(len(trials)):
        config = TOY.with_params({"budget.evaluations": len(trials[number][0])})
        await board.submit(Job(str(number), config, Path("unused")))
        await take(board, f"slot-{number}")
    for number, slot_dies in turns:
        values, ending = trials[number]
        if number in ended:
            continue
        if slot_dies:
            await board.hello(f"slot-{number}")
            await take(board, f"slot-{number}")
            at[number] = 0
        elif at[number] < len(values):
            at[number] += 1
            measured = values[at[number] - 1]
            metrics = zip(["eval_loss", *(others or {})], _all(measured), strict=True)
            evaluation = Evaluation(at[number], at[number], dict(metrics))
            if (await board.evaluated(str(number), evaluation)).may_win:
                kept[number] = at[number]
        else:
            ended[number] = ending
            await board.ended(str(number), Outcome(ending))
    return kept, [number for number, how in ended.items() if how is Ending.COMPLETE]


def _all(measured):
    return measured if isinstance(measured, list) else [measured]


@in_a_loop
async def test_a_trial_that_trains_nothing_takes_no_place_of_weights():
    board = Board({"eval_loss": "min"}, kept=1)
    await board.submit(job("prompted"))
    await take(board, "one")
    await board.evaluated("prompted", Evaluation(1, 0, {"eval_loss": 1.0}))
    await board.ended("prompted", COMPLETE)
    await board.accept("prompted")
    await board.submit(job("trained"))
    await take(board, "one")
    assert (await board.evaluated("trained", loss(1, 2.0))).may_win
