from __future__ import annotations

import asyncio

from boards import COMPLETE, PATIENCE, SOON, board_with, hear, in_a_loop, job, take

from trainables.board.job import Closed
from trainables.core.evaluation import Ending


@in_a_loop
async def test_jobs_are_taken_in_order_of_arrival_by_whichever_slot_asks():
    board = await board_with("a", "b", "c")
    takers = ("one", "two", "one")
    assert [(await take(board, slot)).trial_id for slot in takers] == ["a", "b", "c"]


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
async def test_a_job_for_one_of_many_idle_slots_leaves_the_others_waiting():
    board = await board_with()
    idle = [asyncio.create_task(take(board, f"slot-{number}")) for number in range(100)]
    await asyncio.sleep(0)
    await board.submit(job(0))
    await asyncio.sleep(SOON)
    assert [task.result().trial_id for task in idle if task.done()] == ["0"]
    await board.close("the sweep is over")
    ended, _ = await asyncio.wait(idle, timeout=PATIENCE)
    assert len(ended) == 100


@in_a_loop
async def test_a_slot_is_let_go_with_nothing_when_its_patience_ends():
    board = await board_with()
    assert await take(board, "one", SOON) is None
    await board.submit(job("a"))
    assert (await take(board, "one")).trial_id == "a"


@in_a_loop
async def test_closing_wakes_every_slot_that_waits():
    board = await board_with()
    waiting = [asyncio.create_task(take(board, slot, 9)) for slot in ("one", "two")]
    await asyncio.sleep(0)
    await board.close("over")
    assert [type(await each) for each in waiting] == [Closed, Closed]


@in_a_loop
async def test_a_closed_board_is_deserted_once_every_slot_has_left_or_is_lost():
    board = await board_with()
    for slot in ("one", "two"):
        await board.hello(slot)
    deserted = asyncio.create_task(board.deserted())
    await board.close("over")
    assert isinstance(await take(board, "one"), Closed)
    await asyncio.sleep(SOON)
    assert not deserted.done()
    await board.lost("two")
    await deserted


@in_a_loop
async def test_the_trial_of_a_slot_that_lost_its_node_goes_to_another_at_once():
    board = await board_with("a")
    life = await board.hello("one")
    await board.take("one", life, SOON)
    await board.hello("two")
    assert await board.alive() == 2
    await board.lost("one")
    assert await board.alive() == 1
    assert (await take(board, "two")).trial_id == "a"
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
    assert [await board.wants(slot) for slot in ("one", "two", "three")] == [True, False, False]


@in_a_loop
async def test_a_slot_that_comes_back_gets_its_orphan_before_anything_else():
    board = await board_with("a", "b", taken_by="one")
    await board.ended("a", COMPLETE)
    await board.submit(job("c"))
    await board.hello("two")
    await board.hello("one")
    assert (await take(board, "one")).trial_id == "b"
    attempts = {each: board._queue[each].attempt.number for each in "ab"}
    assert attempts == {"a": 1, "b": 2}


@in_a_loop
async def test_another_slot_may_take_the_orphan_of_one_that_is_gone():
    board = await board_with("a", taken_by="one")
    await board.hello("one")
    assert (await take(board, "two")).trial_id == "a"
    await board.hello("one")
    assert await take(board, "one", SOON) is None, "it is in good hands"


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
async def test_a_job_is_not_lost_to_a_call_of_a_slot_that_is_gone():
    board = await board_with()
    life = await board.hello("one")
    orphan = asyncio.create_task(board.take("one", life, 9))
    await asyncio.sleep(SOON)
    await board.lost("one")  # with its node, and there may never be another
    await board.submit(job("a"))
    assert isinstance(await orphan, Closed)
    assert (await take(board, "two")).trial_id == "a"


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
