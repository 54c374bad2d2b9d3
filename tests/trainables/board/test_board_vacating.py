"""Slots on nodes that will be taken away, or are lost without a warning."""

from __future__ import annotations

import asyncio

import pytest
from boards import COMPLETE, SOON, board_with, hear, in_a_loop, job, loss, nothing_comes, take

from trainables.board import retries
from trainables.board.job import Closed
from trainables.board.nodes import Nodes
from trainables.core.evaluation import Ending, Outcome

LAID_ASIDE = Outcome(Ending.SUSPENDED)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(retries, "LOOK_EVERY", 0.005)


def watched(board, nodes):
    """The board looks at the last of `nodes` again and again."""
    return asyncio.create_task(board.watch(lambda: nodes[-1], every=0.001))


async def scene(*trial_ids):
    """Slot "one" over nodes n1 and n2 has the first trial, "two" on n3 has none; no retries."""
    board = await board_with(*trial_ids, retries=0)
    await board.hello("one", nodes=["n1", "n2"])
    await board.hello("two", nodes=["n3"])
    await take(board, "one")
    return board


@in_a_loop
async def test_a_trial_is_laid_aside_and_goes_on_elsewhere_before_any_other():
    board = await scene("a", "b")
    await board.evaluated("a", loss(1, 3.0))
    watching = asyncio.create_task(board.wish("a"))
    await board.vacate(["n2"])
    assert await watching is Ending.SUSPENDED
    assert (await board.evaluated("a", loss(2, 2.0))).go_on
    await board.ended("a", LAID_ASIDE)
    assert isinstance(await take(board, "one", 9), Closed) and await board.wants("one")
    assert await board.alive() == 1
    assert (await take(board, "two")).trial_id == "a"
    again = asyncio.create_task(board.wish("a"))
    await asyncio.sleep(SOON)
    assert not again.done(), "nobody wants it to end any more"
    await board.ended("a", COMPLETE)
    events = [await hear(board, "a") for _ in range(3)]
    assert events == [loss(1, 3.0), loss(2, 2.0), COMPLETE]
    assert events[-1].attempt.number == 2 and await nothing_comes(board, "a")


@in_a_loop
async def test_slots_on_other_nodes_are_not_disturbed():
    board = await scene("a")
    watching = asyncio.create_task(board.wish("a"))
    await board.vacate(["n3", "n9"])
    await asyncio.sleep(SOON)
    assert not watching.done()
    watching.cancel()


@in_a_loop
async def test_a_slot_that_waits_goes_home_at_once_and_is_welcome_from_another_node():
    board = await board_with()
    for _ in range(9):
        life = await board.hello("one", nodes=["n1"])
        waiting = asyncio.create_task(board.take("one", life, 9))
        await asyncio.sleep(0)
        await board.vacate(["n1"])
        assert isinstance(await waiting, Closed)
    assert await board.why_closed() is None, "it did not die"
    life = await board.hello("one", nodes=["n2"])
    await board.submit(job("a"))
    assert (await board.take("one", life, SOON)).trial_id == "a"


@in_a_loop
async def test_no_trial_is_begun_on_a_node_that_will_go():
    board = await board_with("a")
    await board.vacate(["n1"])
    await board.hello("one", nodes=["n1"])
    assert isinstance(await take(board, "one"), Closed)
    await board.hello("two", nodes=["n2"])
    assert (await take(board, "two")).trial_id == "a"


@in_a_loop
async def test_a_node_that_goes_before_its_trial_is_laid_aside_costs_it_no_try():
    board = await scene("a")
    await board.vacate(["n1"])
    await board.lost("one")
    assert (await take(board, "two")).trial_id == "a"
    await board.lost("two")
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.FAILED, "this time nobody had warned"


@pytest.mark.parametrize("node_goes", [False, True])
@in_a_loop
async def test_a_trial_cancelled_while_it_is_laid_aside_is_stopped(node_goes):
    board = await scene("a")
    await board.vacate(["n1"])
    await board.cancel("a")
    await (board.lost("one") if node_goes else board.ended("a", LAID_ASIDE))
    assert (await hear(board, "a")).ending is Ending.STOPPED
    assert await take(board, "two", SOON) is None


@in_a_loop
async def test_an_interrupted_sweep_does_not_take_up_again_what_is_laid_aside():
    board = await scene("a")
    await board.vacate(["n1"])
    suspending = asyncio.create_task(board.suspend())
    await asyncio.sleep(0)
    await board.ended("a", LAID_ASIDE)
    await suspending
    assert await hear(board, "a") == LAID_ASIDE


@in_a_loop
async def test_the_watch_vacates_what_is_drained_until_the_board_closes():
    board, nodes = await scene("a"), [Nodes()]
    watching = watched(board, nodes)
    wish = asyncio.create_task(board.wish("a"))
    await asyncio.sleep(SOON)
    assert not wish.done()
    nodes.append(Nodes(draining=frozenset({"n1"})))
    assert await wish is Ending.SUSPENDED
    await board.close("over")
    await watching


@in_a_loop
async def test_lost_nodes_are_not_the_fault_of_their_trial_even_if_that_is_known_late(monkeypatch):
    monkeypatch.setattr(retries, "_LOOKS", 10**6)
    board, nodes = await board_with("a", retries=0), [Nodes(here="n0")]
    watching = watched(board, nodes)
    for number in range(1, 4):
        await board.hello("one", nodes=[f"n{number}", "n9"])
        assert (await take(board, "one")).trial_id == "a"
        await board.lost("one")
        assert await take(board, "one", SOON) is None, "it may have been the trial"
        lost = frozenset(f"n{each}" for each in range(1, number + 1))
        nodes.append(Nodes(here="n0", gone=lost))
    monkeypatch.setattr(retries, "_LOOKS", 2)
    await board.hello("one", nodes=["n4"])
    await take(board, "one")
    await board.lost("one")
    outcome = await hear(board, "a")
    assert outcome.error == "its slot died once while training it"
    assert outcome.attempt.number == 4
    await board.close("over")
    await watching


@in_a_loop
async def test_a_slot_that_dies_beside_its_board_was_not_lost_with_a_node():
    board = await board_with("a", retries=0)
    watching = watched(board, [Nodes(here="n1")])
    await asyncio.sleep(SOON)
    await board.hello("one", nodes=["n1"])
    await take(board, "one")
    await board.lost("one")
    assert board._queue["a"].ended, "at once"
    await board.close("over")
    await watching


@in_a_loop
async def test_the_trial_of_a_node_that_went_before_anybody_said_so_goes_to_another_slot():
    board, nodes = await scene("a"), [Nodes(here="n0", draining=frozenset({"n2"}))]
    watching = watched(board, nodes)
    assert await board.wish("a") is Ending.SUSPENDED
    assert await take(board, "two", SOON) is None
    nodes.append(Nodes(here="n0", gone=frozenset({"n2"})))
    assert (await take(board, "two")).trial_id == "a"
    assert await board.alive() == 1
    await board.close("over")
    await watching


@in_a_loop
async def test_a_trial_whose_verdict_breaks_down_fails_and_its_client_does_not_wait_for_ever():
    board = await scene("a")
    await board.lost("one")
    board._slots.cluster = Nodes(gone=None)  # what Ray tells of nodes has changed its shape
    outcome = await hear(board, "a")
    assert outcome.ending is Ending.FAILED
    assert "broke down (TypeError" in outcome.error
