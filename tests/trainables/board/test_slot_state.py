from __future__ import annotations

from boards import board_with, in_a_loop, job, take

from trainables.board.job import JobKind
from trainables.board.slot_state import SlotState
from trainables.core.evaluation import Ending, Outcome


@in_a_loop
async def test_a_slot_is_listed_from_its_first_life_on_with_what_it_does():
    board = await board_with(0, 1)
    assert await board.overview() == []
    await board.hello("slot-1", "2 × A10G", ["n1", "n2"])
    await take(board, "slot-1", 0.01)
    (state,) = await board.overview()
    assert state == SlotState("slot-1", True, "2 × A10G", ("n1", "n2"), starts=1, job="0")


@in_a_loop
async def test_trials_are_counted_where_they_ended_and_measurements_are_not():
    board = await board_with(0, 1, 2)
    await board.submit(job("base", JobKind.MEASURE_BASE))
    for slot in ("slot-0", "slot-1"):
        await board.hello(slot)
    for trial, ending in ((0, Ending.COMPLETE), (1, Ending.FAILED)):
        assert (await take(board, "slot-0", 0.01)).trial_id == str(trial)
        await board.ended(str(trial), Outcome(ending))
    await take(board, "slot-1", 0.01)  # trial 2
    await board.lost("slot-1")
    await board.hello("slot-1")  # and dies; its trial waits for the next
    assert (await take(board, "slot-0", 0.01)).trial_id == "2"
    await board.ended("2", Outcome(Ending.SUSPENDED))
    await take(board, "slot-1", 0.01)
    await board.ended("base", Outcome(Ending.COMPLETE))
    first, second = await board.overview()
    assert (first.trials, first.starts, first.job) == (2, 1, None)
    assert (second.trials, second.starts, second.up) == (0, 2, True)


@in_a_loop
async def test_a_slot_whose_workers_are_gone_is_not_up():
    board = await board_with()
    await board.hello("slot-0", "A10G", ["n1"])
    await board.lost("slot-0")
    (state,) = await board.overview()
    assert (state.up, state.nodes) == (False, ("n1",))


@in_a_loop
async def test_a_slot_that_was_sent_home_is_not_taken_for_one_that_died():
    board = await board_with()
    for slot in ("slot-0", "slot-1"):
        await board.hello(slot)
    await board.drain()
    await take(board, "slot-0", 0.01)
    assert [(each.up, each.home) for each in await board.overview()] == [
        (False, True),
        (True, False),
    ]
