"""A board in an actor of its own, as its client's users see it."""

from __future__ import annotations

import pytest
from boards import COMPLETE, job, loss

from sweeps.cluster.ray_session import ON_HEAD
from trainables.board.board_client import BoardClient
from trainables.core.evaluation import Ending

pytestmark = pytest.mark.ray

PATIENCE = 60.0


@pytest.fixture
def board(ray_cluster):
    return BoardClient.start({"eval_loss": "min"}, retries=1, kept=1, resources=ON_HEAD)


def test_a_task_that_is_given_the_client_trains_what_another_process_submitted(ray_cluster, board):
    evaluation, outcome = loss(1, 2.0), COMPLETE

    def train(board):
        life = board.hello("slot-0", "CPU", ["n1"])
        taken = board.take("slot-0", life, 60.0)
        reply = board.evaluated(taken.trial_id, evaluation)
        board.ended(taken.trial_id, outcome)
        return reply

    board.submit(job("a"))
    task = ray_cluster.remote(train).options(num_cpus=0)
    reply = ray_cluster.get(task.remote(board), timeout=PATIENCE)
    assert (reply.go_on, reply.is_best, reply.may_win) == (True, True, True)
    assert board.event("a", 0).metrics == {"eval_loss": 2.0}
    assert board.event("a", 1).ending is Ending.COMPLETE
    (state,) = board.overview()
    assert (state.name, state.device, state.nodes, state.trials) == ("slot-0", "CPU", ("n1",), 1)


def test_a_call_that_is_sent_returns_before_its_answer_and_has_it_once_it_is_there(board):
    board.submit(job("a"))
    wish = board.send_wish("a")
    assert not wish.has_come()
    board.send_cancel("a").get(PATIENCE)
    assert wish.get(PATIENCE) is Ending.STOPPED
    assert wish.has_come()


def test_who_waits_for_slots_to_leave_waits_no_longer_than_asked(ray_cluster, board):
    board.hello("slot-0")
    with pytest.raises(ray_cluster.exceptions.GetTimeoutError):
        board.deserted(0.1)
    board.lost("slot-0")
    board.deserted(PATIENCE)
