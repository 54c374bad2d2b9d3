"""What the slots' watch sees and tells, on a real Ray, with slots that do no more than be there."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest
from ray import cloudpickle
from waiting import wait_until

from sweeps.base.errors import LaunchError
from sweeps.base.interruption import interruptible
from sweeps.cluster.ray_session import ON_HEAD
from sweeps.cluster.slots import Slots
from trainables.board.board import Board
from trainables.board.board_client import BoardClient
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_size import SlotSize

pytestmark = pytest.mark.ray

PATIENCE = 60.0


def stays(setup):
    """A slot that is up until it is ended by force."""
    time.sleep(10 * PATIENCE)


def only_the_first_stays(setup):
    if setup.name != "slot-0":
        raise RuntimeError("no room on this node")
    stays(setup)


def sees_nothing():
    raise AttributeError("'GlobalState' has no attribute 'get_draining_nodes'")


class Broken:
    """A board none of whose calls works but those that end it."""

    def accept(self, trial):
        raise KeyError(trial)

    def watch(self, look, every): ...

    def close(self, reason): ...

    def deserted(self): ...


@pytest.fixture
def start(ray_cluster, tmp_path, monkeypatch):
    begun = []
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find the tests

    def start(run, count, told, board=Board, arguments=({"eval_loss": "min"},)):
        monkeypatch.setattr("sweeps.cluster.slots._run", run)
        options = {"num_cpus": 0, "max_concurrency": 100} if board is Board else {"num_cpus": 0}
        actor = ray_cluster.remote(board).options(**options).remote(*arguments)
        slots = Slots(BoardClient(actor), ON_HEAD, told.append)
        slots.start(count, SlotSize(1, 1, 0), Safeguards(), None, tmp_path, 0)
        begun.append(slots)
        return actor, slots

    yield start
    for slots in begun:
        slots.close(0.0, 0.0)
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_a_watch_over_the_nodes_that_breaks_down_is_told(start, monkeypatch):
    monkeypatch.setattr("sweeps.cluster.slots.look", sees_nothing)
    told = []
    start(stays, 1, told)
    wait_until(lambda: told)
    assert told == [
        "Node monitoring broke down (AttributeError: 'GlobalState' has no "
        "attribute 'get_draining_nodes'); drained or lost nodes are no longer detected"
    ]


def test_a_call_to_the_board_that_breaks_down_is_told_though_nobody_waits_for_it(start):
    told = []
    _, slots = start(stays, 1, told, Broken, ())
    slots.sent.accept(3)
    wait_until(lambda: told)
    (text,) = told
    assert text.startswith("Trial 3's end broke down (KeyError: '3'); weights of worse trials")


def test_a_slot_that_ends_for_good_is_told_and_nobody_waits_for_more_than_are_left(start):
    told = []
    _, slots = start(only_the_first_stays, 2, told)
    slots.refuse_if_fewer(2)
    wait_until(lambda: told)
    (text,) = told
    assert text.startswith("slot-1 failed permanently (") and "no room on this node" in text
    assert text.endswith("the sweep continues with 1 of 2 slots")
    slots.refuse_if_fewer(1)
    with pytest.raises(LaunchError, match=r"slots\.min: 2 slots .* only 1 left: slot-1: .*no room"):
        slots.refuse_if_fewer(2)


def test_slots_that_are_closed_under_ctrl_c_give_up_what_they_hold(ray_cluster, start, monkeypatch):
    _, slots = start(stays, 1, [])
    (task,) = slots._tasks
    deserted = BoardClient.deserted

    def disturbed(board, timeout):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        deserted(board, timeout)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), interruptible():
        patch.setattr(BoardClient, "deserted", disturbed)
        slots.close(10 * PATIENCE, 10 * PATIENCE)
    ended, _ = ray_cluster.wait([task], timeout=PATIENCE)
    assert ended == [task]
