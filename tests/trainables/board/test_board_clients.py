from __future__ import annotations

import asyncio
import dataclasses

from boards import COMPLETE, SOON, board_with, hear, in_a_loop, job, loss, nothing_comes, take

from trainables.board.board import Board
from trainables.board.job import Closed, JobKind
from trainables.core.evaluation import Ending, Outcome


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
    taken = await take(board, "one")
    assert taken.kind is JobKind.MEASURE_BASE
    await board.evaluated("base", loss(0, 4.0))
    await board.ended("base", COMPLETE)
    assert await hear(board, "base") == loss(0, 4.0)
    assert await hear(board, "base") == COMPLETE


@in_a_loop
async def test_cancelling_a_trial_that_waits_ends_it_and_no_slot_sees_it():
    board = await board_with("a", "b")
    await board.cancel("a")
    assert (await hear(board, "a")).ending is Ending.STOPPED
    assert (await take(board, "one")).trial_id == "b"


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
async def test_trials_laid_aside_at_a_cap_leave_the_board_open_for_the_confirmation():
    board = await board_with("a", taken_by="one")
    laying = asyncio.create_task(board.lay_aside())
    assert await board.wish("a") is Ending.SUSPENDED
    await board.ended("a", Outcome(Ending.SUSPENDED))
    await laying
    await board.submit(job("confirmation-0"))
    assert (await take(board, "one")).trial_id == "confirmation-0"


@in_a_loop
async def test_a_trial_that_is_taken_up_again_is_told_from_its_beginning():
    board = await board_with()
    seen = (loss(1, 3.0), loss(2, 2.0))
    await board.submit(dataclasses.replace(job("a"), seen=seen))
    await take(board, "one")
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
async def test_the_first_reason_for_closing_is_the_one_that_counts():
    board = await board_with()
    assert await board.why_closed() is None
    await board.close("slot-0 died")
    await board.close("the sweep is over")
    await board.submit(job("late"))
    assert (await hear(board, "late")).error == "slot-0 died" == await board.why_closed()
