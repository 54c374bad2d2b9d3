from __future__ import annotations

import asyncio
import dataclasses

import pytest
from boards import COMPLETE, SOON, board_with, hear, in_a_loop, job, loss, take

from trainables.core.evaluation import Ending, Outcome

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
        taken = await take(board, "one")
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
async def test_a_micro_batch_that_the_slot_found_is_halved_itself():
    board = await board_with()
    waiting = job("a")
    config = waiting.config.with_params({"micro_batch_size": "auto", "batch_size": 64})
    await board.submit(dataclasses.replace(waiting, config=config))
    await take(board, "one")
    await board.ended("a", dataclasses.replace(TOO_MUCH, micro_batch_size=64))
    taken = await take(board, "one")
    assert (taken.config.micro_batch_size, taken.config.micro_batch_grows) == (32, False)


@in_a_loop
async def test_a_batch_of_one_gets_evaluations_of_one_before_it_is_infeasible():
    board = await board_with()
    waiting = job("a")
    config = waiting.config.with_params({"micro_batch_size": 8, "batch_size": 1})
    await board.submit(dataclasses.replace(waiting, config=config))
    await take(board, "one")
    await board.ended("a", dataclasses.replace(TOO_MUCH, micro_batch_size=1))
    taken = await take(board, "one")
    assert taken.config.micro_batch_size == 1
    await board.ended("a", dataclasses.replace(TOO_MUCH, micro_batch_size=1))
    assert (await hear(board, "a")).ending is Ending.INFEASIBLE


@in_a_loop
async def test_a_batch_ramp_needs_micro_batches_that_can_grow():
    board = await board_with()
    waiting = job("a")
    ramp = {"batch_ramp.start_fraction": 0.5, "micro_batch_size": 4, "batch_size": 8}
    await board.submit(dataclasses.replace(waiting, config=waiting.config.with_params(ramp)))
    await take(board, "one")
    await board.ended("a", TOO_MUCH)
    assert (await take(board, "one")).config.micro_batch_size == 2
    await board.ended("a", TOO_MUCH)
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.INFEASIBLE and "micro-batch of 2" in outcome.error


@in_a_loop
async def test_what_fits_in_the_end_says_with_which_micro_batch():
    board = await board_with("a", taken_by="one")
    await board.ended("a", TOO_MUCH)
    await take(board, "one")
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
        await take(board, "one")
        (tmp_path / "hang-rank0.txt").write_text("Timeout (0:00:05)!\nThread 0x1: ...")
        await board.hello("one")
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.FAILED
    assert "slots.trial_timeout" in outcome.error and str(tmp_path) in outcome.error


@in_a_loop
async def test_what_comes_of_a_trial_says_which_try_it_was_and_on_which_device():
    board = await board_with("a", "never taken")
    for device in ("NVIDIA H200", "NVIDIA H100"):
        await board.hello("one", device)
        await take(board, "one")
        await board.evaluated("a", loss(1, 3.0))
    await board.ended("a", COMPLETE)
    await board.cancel("never taken")
    events = [await hear(board, each) for each in ("a", "a", "never taken")]
    attempts = [(event.attempt.number, event.attempt.device) for event in events]
    assert attempts == [(1, "NVIDIA H200"), (2, "NVIDIA H100"), (0, "")]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_trial_that_kills_its_slot_is_given_up_after_its_retries(retries):
    async def scene():
        board = await board_with("a", retries=retries)
        for _ in range(retries + 1):
            assert (await take(board, "one")).trial_id == "a"
            await board.hello("one")
        assert await take(board, "one", SOON) is None
        return await hear(board, "a")

    outcome = asyncio.run(scene())
    assert outcome.ending is Ending.FAILED
    times = f"{retries + 1} times" if retries else "once"
    assert outcome.error == f"its slot died {times} while training it"


@in_a_loop
async def test_points_seen_before_a_retry_are_not_delivered_twice():
    board = await board_with("a", taken_by="one")
    await board.evaluated("a", loss(1, 3.0))
    await board.evaluated("a", loss(2, 2.0))
    await board.hello("one")
    await take(board, "one")
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
    assert error == ("its slot died 2 times while training it; last error: RuntimeError: second")
