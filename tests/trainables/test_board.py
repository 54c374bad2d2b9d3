from __future__ import annotations

import asyncio
import dataclasses
import functools
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.board import Board, Closed, Job, JobKind
from trainables.config import TrialConfig
from trainables.evaluation import Ending, Evaluation, Outcome

TOY = TrialConfig(model="toy", objective="toy")
SOON = 0.01
COMPLETE = Outcome(Ending.COMPLETE)


def job(trial_id, kind=JobKind.TRAIN):
    return Job(str(trial_id), TOY, Path("unused"), kind)


def loss(point, value):
    return Evaluation(point, 10 * point, {"eval_loss": value})


def in_a_loop(test):
    """Run an async test without a plugin."""

    def run(*args, **kwargs):
        return asyncio.run(asyncio.wait_for(test(*args, **kwargs), 10))

    return functools.wraps(test)(run)


async def board_with(*trial_ids, retries=1, taken_by=None):
    """A board in "min" with these jobs; the slot, if one is named, takes all of them."""
    board = Board({"eval_loss": "min"}, retries)
    for trial_id in trial_ids:
        await board.submit(job(trial_id))
        if taken_by:
            await take(board, taken_by, SOON)
    return board


def take(board, slot, patience):
    """The next job for a slot in its present life."""
    return board.take(slot, board._lives[slot], patience)


def hear(board, trial_id):
    """What a client hears of a trial after all that it has heard."""
    heard = vars(board).setdefault("heard", Counter())
    heard[trial_id] += 1
    return board.event(trial_id, heard[trial_id] - 1)


async def nothing_comes(board, trial_id):
    try:
        event = await asyncio.wait_for(hear(board, trial_id), SOON)
    except TimeoutError:
        return True
    raise AssertionError(f"{event} came")


@in_a_loop
async def test_jobs_are_taken_in_order_of_arrival_by_whichever_slot_asks():
    board = await board_with("a", "b", "c")
    takers = ("one", "two", "one")
    assert [(await take(board, slot, SOON)).trial_id for slot in takers] == ["a", "b", "c"]


@in_a_loop
async def test_a_slot_that_waits_is_given_the_next_job_at_once():
    board = await board_with()
    waiting = asyncio.create_task(take(board, "one", 9))
    await asyncio.sleep(0)
    await board.submit(job("a"))
    assert (await waiting).trial_id == "a"


@in_a_loop
async def test_two_slots_that_wait_never_get_the_same_job():
    board = await board_with()
    waiting = [asyncio.create_task(take(board, slot, 0.2)) for slot in ("one", "two")]
    await asyncio.sleep(0)
    await board.submit(job("a"))
    taken = [await each for each in waiting]
    assert sorted(each.trial_id for each in taken if each) == ["a"] and None in taken


@in_a_loop
async def test_a_slot_is_let_go_with_nothing_when_its_patience_ends():
    board = await board_with()
    assert await take(board, "one", SOON) is None
    await board.submit(job("a"))
    assert (await take(board, "one", SOON)).trial_id == "a"


@in_a_loop
async def test_a_client_gets_each_evaluation_and_then_the_outcome():
    board = await board_with("a", taken_by="one")
    sent = [loss(1, 3.0), loss(2, 2.0)]
    for evaluation in sent:
        assert (await board.evaluated("a", evaluation)).go_on
    await board.ended("a", COMPLETE)
    assert [await hear(board, "a") for _ in range(3)] == [*sent, COMPLETE]


@in_a_loop
async def test_the_base_model_is_measured_as_point_zero():
    board = Board({"eval_loss": "min"})
    await board.submit(job("base", JobKind.MEASURE_BASE))
    taken = await take(board, "one", SOON)
    assert taken.kind is JobKind.MEASURE_BASE
    await board.evaluated("base", loss(0, 4.0))
    await board.ended("base", COMPLETE)
    assert await hear(board, "base") == loss(0, 4.0)
    assert await hear(board, "base") == COMPLETE


@in_a_loop
async def test_a_trial_worse_than_the_base_model_may_win_all_the_same():
    board = Board({"eval_loss": "min"})
    await board.submit(job("base", JobKind.MEASURE_BASE))
    await take(board, "one", SOON)
    await board.evaluated("base", loss(0, 4.0))
    await board.ended("base", COMPLETE)
    await board.submit(job("a"))
    await take(board, "one", SOON)
    assert (await board.evaluated("a", loss(1, 5.0))).may_win


@in_a_loop
async def test_cancelling_a_trial_that_waits_ends_it_and_no_slot_sees_it():
    board = await board_with("a", "b")
    await board.cancel("a")
    assert (await hear(board, "a")).ending is Ending.STOPPED
    assert (await take(board, "one", SOON)).trial_id == "b"


@in_a_loop
async def test_cancelling_a_trial_that_runs_reaches_its_slot_and_not_its_neighbour():
    board = await board_with("a", "b", taken_by="one")
    watching = {name: asyncio.create_task(board.wish(name)) for name in "ab"}
    await asyncio.sleep(0)
    assert not any(task.done() for task in watching.values())
    await board.cancel("a")
    await watching["a"]
    assert not (await board.evaluated("a", loss(1, 1.0))).go_on
    assert (await board.evaluated("b", loss(1, 1.0))).go_on and not watching["b"].done()
    watching["b"].cancel()


@in_a_loop
async def test_cancelling_what_has_ended_or_never_was_does_nothing():
    board = await board_with("a", taken_by="one")
    await board.ended("a", COMPLETE)
    await board.cancel("a")
    await board.cancel("nobody")
    assert await hear(board, "a") == COMPLETE and await nothing_comes(board, "a")


@in_a_loop
async def test_the_watch_over_a_trial_ends_with_the_trial():
    board = await board_with("a", taken_by="one")
    watching = asyncio.create_task(board.wish("a"))
    await board.ended("a", COMPLETE)
    await watching


@in_a_loop
async def test_a_trial_ends_once():
    board = await board_with("a", taken_by="one")
    await board.ended("a", Outcome(Ending.FAILED, error="first"))
    await board.ended("a", COMPLETE)
    assert (await hear(board, "a")).error == "first" and await nothing_comes(board, "a")


@in_a_loop
async def test_a_closed_board_sends_slots_home_and_ends_what_waits():
    board = await board_with("a", "b")
    waiting = asyncio.create_task(take(board, "late", 9))
    assert (await waiting).trial_id == "a"
    await board.close("the sweep is over")
    assert isinstance(await take(board, "one", 9), Closed)
    assert await hear(board, "b") == Outcome(Ending.SUSPENDED, error="the sweep is over")
    await board.submit(job("c"))
    assert (await hear(board, "c")).error == "the sweep is over"


@in_a_loop
async def test_closing_wakes_every_slot_that_waits():
    board = await board_with()
    waiting = [asyncio.create_task(take(board, slot, 9)) for slot in ("one", "two")]
    await asyncio.sleep(0)
    await board.close("over")
    assert [type(await each) for each in waiting] == [Closed, Closed]


@in_a_loop
async def test_closing_ends_a_trial_under_way_because_its_slot_may_be_gone():
    board = await board_with("a", taken_by="one")
    watching = asyncio.create_task(board.wish("a"))
    await board.evaluated("a", loss(1, 1.0))
    await board.close("no slot is left")
    await watching
    await board.ended("a", COMPLETE)
    events = [await hear(board, "a") for _ in range(2)]
    assert events == [loss(1, 1.0), Outcome(Ending.SUSPENDED, error="no slot is left")]
    assert await nothing_comes(board, "a")


@in_a_loop
async def test_suspending_asks_those_that_run_ends_those_that_wait_and_returns_when_all_are_over():
    board = await board_with("a", "b", taken_by="one")
    await board.submit(job("c"))
    suspending = asyncio.create_task(board.suspend())
    assert await board.wish("a") is Ending.SUSPENDED
    assert (await board.evaluated("a", loss(1, 1.0))).go_on, "it goes on until it has been saved"
    assert (await hear(board, "c")).ending is Ending.SUSPENDED
    await board.ended("a", Outcome(Ending.SUSPENDED))
    assert not suspending.done()
    await board.ended("b", COMPLETE)
    await suspending
    assert isinstance(await take(board, "one", 9), Closed)


@in_a_loop
async def test_a_trial_that_is_taken_up_again_is_told_from_its_beginning():
    board = await board_with()
    seen = (loss(1, 3.0), loss(2, 2.0))
    await board.submit(dataclasses.replace(job("a"), seen=seen))
    await take(board, "one", SOON)
    # It goes on from a checkpoint between the two.
    await board.evaluated("a", loss(2, 2.0))
    await board.evaluated("a", loss(3, 1.0))
    events = [await hear(board, "a") for _ in range(3)]
    assert events == [*seen, loss(3, 1.0)] and await nothing_comes(board, "a")


@in_a_loop
async def test_a_client_in_the_place_of_one_that_died_is_told_everything():
    board = await board_with("a", taken_by="one")
    await board.evaluated("a", loss(1, 3.0))
    assert await hear(board, "a") == loss(1, 3.0)
    lost = asyncio.create_task(hear(board, "a"))  # of the client that died
    await asyncio.sleep(0)
    await board.submit(job("a"))
    await board.evaluated("a", loss(2, 2.0))
    await board.ended("a", COMPLETE)
    assert [await board.event("a", n) for n in range(3)] == [loss(1, 3.0), loss(2, 2.0), COMPLETE]
    assert await take(board, "two", SOON) is None, "the trial itself goes on where it was"
    lost.cancel()


@in_a_loop
async def test_a_client_that_submits_a_trial_and_leaves_it_takes_nothing_from_the_one_that_stays():
    """Tune makes a new actor with a waiting trial, and may give that trial to a warm one."""
    board = await board_with("a", taken_by="one")
    staying = asyncio.create_task(board.event("a", 0))
    await asyncio.sleep(0)
    await board.submit(job("a"))
    await board.evaluated("a", loss(1, 3.0))
    assert await staying == loss(1, 3.0)
    assert await take(board, "two", SOON) is None


@in_a_loop
async def test_of_the_best_so_many_trials_the_weights_are_worth_keeping():
    board = Board({"eval_loss": "min"}, kept=2)
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        await board.submit(job(name))
        await take(board, "one", SOON)
        assert (await board.evaluated(name, loss(1, value))).may_win == (name != "c")
        await board.ended(name, COMPLETE)
        await board.accept(name)


@in_a_loop
async def test_complete_trials_from_before_are_what_others_must_reach():
    board = await board_with("a", taken_by="one")
    await board.remember((loss(1, 3.0), loss(4, 1.5)))
    assert not (await board.evaluated("a", loss(1, 1.6))).may_win
    assert (await board.evaluated("a", loss(2, 1.4))).may_win


TOO_MUCH = Outcome(Ending.FAILED, error="CUDA out of memory", out_of_memory=True)


@pytest.mark.parametrize("dies", [False, True], ids=["one worker", "several, which die of it"])
@in_a_loop
async def test_a_trial_that_runs_out_of_memory_gets_half_the_micro_batch_until_it_is_one(dies):
    board = await board_with()
    waiting = job("a")
    config = waiting.config.with_params({"micro_batch_size": 8, "batch_size": 4})
    await board.submit(dataclasses.replace(waiting, config=config))
    tried = []
    for _ in range(3):
        taken = await take(board, "one", SOON)
        tried.append((taken.config.micro_batch_size, taken.config.batch_size))
        if dies:
            await board.fault("a", TOO_MUCH)
            await board.hello("one")
        else:
            await board.ended("a", TOO_MUCH)
    assert tried == [(8, 4), (2, 4), (1, 4)], "of a batch of 4 a micro-batch of 8 holds no more"
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.INFEASIBLE and outcome.error.endswith("CUDA out of memory")
    assert (outcome.attempt.number, outcome.attempt.micro_batch_size) == (3, 1)


@in_a_loop
async def test_what_fits_in_the_end_says_with_which_micro_batch():
    board = await board_with("a", taken_by="one")
    await board.ended("a", TOO_MUCH)
    await take(board, "one", SOON)
    await board.evaluated("a", loss(1, 2.0))
    await board.ended("a", COMPLETE)
    events = [await hear(board, "a") for _ in range(2)]
    assert events == [loss(1, 2.0), COMPLETE]
    assert {event.attempt.micro_batch_size for event in events} == {4}


@in_a_loop
async def test_a_trial_that_hung_twice_fails_and_says_where_to_look(tmp_path):
    board = await board_with()
    await board.submit(dataclasses.replace(job("a"), folder=tmp_path))
    for _ in range(2):
        await take(board, "one", SOON)
        (tmp_path / "hang-rank0.txt").write_text("Timeout (0:00:05)!\nThread 0x1: ...")
        await board.hello("one")
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.FAILED
    assert "slots.trial_timeout" in outcome.error and str(tmp_path) in outcome.error


@in_a_loop
async def test_the_trial_of_a_slot_that_lost_its_node_goes_to_another_at_once():
    board = await board_with("a")
    life = await board.hello("one")
    await board.take("one", life, SOON)
    await board.hello("two")
    assert await board.alive() == 2
    await board.lost("one")
    assert await board.alive() == 1
    assert (await take(board, "two", SOON)).trial_id == "a"
    await board.hello("one")
    assert await board.alive() == 2
    assert await take(board, "one", SOON) is None, "it is in good hands"


@in_a_loop
async def test_slots_that_nothing_waits_for_go_home_all_but_the_last():
    board = await board_with()
    lives = {slot: await board.hello(slot) for slot in ("one", "two", "three")}
    idle = asyncio.create_task(board.take("one", lives["one"], 9))
    await asyncio.sleep(0)
    await board.submit(job("a"))
    assert (await idle).trial_id == "a"
    waiting = asyncio.create_task(board.take("two", lives["two"], 9))
    await asyncio.sleep(0)
    await board.drain()
    assert isinstance(await waiting, Closed)
    assert isinstance(await board.take("three", lives["three"], 9), Closed)
    assert await board.alive() == 1
    await board.ended("a", COMPLETE)
    assert await board.take("one", lives["one"], SOON) is None, "it may be needed for the test set"


@in_a_loop
async def test_the_first_reason_for_closing_is_the_one_that_counts():
    board = await board_with()
    assert await board.why_closed() is None
    await board.close("slot-0 died")
    await board.close("the sweep is over")
    await board.submit(job("late"))
    assert (await hear(board, "late")).error == "slot-0 died" == await board.why_closed()


@in_a_loop
async def test_what_comes_of_a_trial_says_which_try_it_was_and_on_which_device():
    board = await board_with("a", "never taken")
    for device in ("NVIDIA H200", "NVIDIA H100"):
        await board.hello("one", device)
        await take(board, "one", SOON)
        await board.evaluated("a", loss(1, 3.0))
    await board.ended("a", COMPLETE)
    await board.cancel("never taken")
    events = [await hear(board, each) for each in ("a", "a", "never taken")]
    attempts = [(event.attempt.number, event.attempt.device) for event in events]
    assert attempts == [(1, "NVIDIA H200"), (2, "NVIDIA H100"), (0, "")]


@in_a_loop
async def test_a_slot_that_comes_back_gets_its_orphan_before_anything_else():
    board = await board_with("a", "b", taken_by="one")
    await board.ended("a", COMPLETE)
    await board.submit(job("c"))
    await board.hello("two")
    await board.hello("one")
    assert (await take(board, "one", SOON)).trial_id == "b"
    attempts = {each: board._tickets[each].attempt.number for each in "ab"}
    assert attempts == {"a": 1, "b": 2}


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_trial_that_kills_its_slot_is_given_up_after_its_retries(retries):
    async def scene():
        board = await board_with("a", retries=retries)
        for _ in range(retries + 1):
            assert (await take(board, "one", SOON)).trial_id == "a"
            await board.hello("one")
        assert await take(board, "one", SOON) is None
        return await hear(board, "a")

    outcome = asyncio.run(scene())
    assert outcome.ending is Ending.FAILED
    assert outcome.error == f"its slot died {retries + 1} times while training it"


@in_a_loop
async def test_points_seen_before_a_retry_are_not_delivered_twice():
    board = await board_with("a", taken_by="one")
    await board.evaluated("a", loss(1, 3.0))
    await board.evaluated("a", loss(2, 2.0))
    await board.hello("one")
    await take(board, "one", SOON)
    for point, value in ((1, 3.0), (2, 2.0), (3, 1.0)):
        reply = await board.evaluated("a", loss(point, value))
        # The dead slot may have left no weights, or half of them: they are written anew.
        assert reply.go_on and reply.may_win
    await board.ended("a", COMPLETE)
    events = [await hear(board, "a") for _ in range(4)]
    assert events == [loss(1, 3.0), loss(2, 2.0), loss(3, 1.0), COMPLETE]


@in_a_loop
async def test_a_trial_cancelled_while_its_slot_was_dying_is_stopped_and_not_tried_again():
    board = await board_with("a", taken_by="one")
    await board.cancel("a")
    await board.hello("one")
    assert await take(board, "one", SOON) is None
    assert (await hear(board, "a")).ending is Ending.STOPPED


@in_a_loop
async def test_another_slot_may_take_the_orphan_of_one_that_is_gone():
    board = await board_with("a", taken_by="one")
    await board.hello("one")
    assert (await take(board, "two", SOON)).trial_id == "a"
    await board.hello("one")
    assert await take(board, "one", SOON) is None, "it is in good hands"


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
        await take(board, f"slot-{number}", SOON)
    for number, slot_dies in turns:
        values, ending = trials[number]
        if number in ended:
            continue
        if slot_dies:
            await board.hello(f"slot-{number}")
            await take(board, f"slot-{number}", SOON)
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
async def test_a_job_is_not_lost_to_a_call_that_outlived_its_slot():
    board = await board_with()
    first = await board.hello("one")
    orphan = asyncio.create_task(board.take("one", first, 9))
    await asyncio.sleep(SOON)
    second = await board.hello("one")  # it died while it was idle, and is back
    alive = asyncio.create_task(board.take("one", second, 9))
    await asyncio.sleep(SOON)
    await board.submit(job("a"))
    assert isinstance(await orphan, Closed)
    assert (await alive).trial_id == "a"


@in_a_loop
async def test_a_slot_that_never_gets_as_far_as_a_job_does_not_start_for_ever():
    board = await board_with("a")
    for _ in range(5):
        await board.hello("one")
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.SUSPENDED
    assert "one died 4 times in a row before it took a trial" in outcome.error


@in_a_loop
async def test_a_job_between_two_deaths_shows_that_the_slot_works():
    board = await board_with(*"abcdef", retries=0)
    for _ in range(6):
        life = await board.hello("one")
        assert not isinstance(await board.take("one", life, SOON), Closed)


@in_a_loop
async def test_a_trial_that_broke_its_slot_says_of_what():
    board = await board_with("a", retries=1)
    for cause in ("RuntimeError: first", "RuntimeError: second"):
        life = await board.hello("one")
        await board.take("one", life, SOON)
        await board.fault("a", Outcome(Ending.FAILED, error=cause))
        reset = Outcome(Ending.FAILED, error="RuntimeError: connection reset by peer")
        await board.fault("a", reset)
    await board.hello("one")
    error = (await hear(board, "a")).error
    assert error == (
        "its slot died 2 times while training it, the last time of RuntimeError: second"
    )
