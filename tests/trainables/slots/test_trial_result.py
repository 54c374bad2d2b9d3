"""What Tune's schedulers see of a slot's evaluations and of a trial's end."""

from __future__ import annotations

import math

import pytest

from trainables.board.job import Job
from trainables.board.ticket import Ticket
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.slots.trial import JUDGED, SlotTrial, result_of

SUM = "eval_loss + 0.5 * eval_cost"
MEASURED = Evaluation(2, 20, {"eval_loss": 1.0, SUM: 2.0, "0.5 * eval_cost": 1.0})


def compared(result):
    return {name for name in result if "eval_" in name}


@pytest.mark.parametrize("ending", [Ending.DIVERGED, Ending.FAILED, Ending.SUSPENDED])
def test_a_trial_that_ended_badly_is_compared_by_nothing(ending):
    assert not compared(result_of(MEASURED, Outcome(ending)))
    assert result_of(MEASURED, Outcome(ending))["point"] == 2


@pytest.mark.parametrize("outcome", [None, Outcome(Ending.COMPLETE), Outcome(Ending.STOPPED)])
def test_others_are_compared_by_every_metric_and_formula(outcome):
    assert compared(result_of(MEASURED, outcome)) == set(MEASURED.metrics)


def test_nan_is_not_compared_and_infinity_is():
    odd = Evaluation(1, 10, {"eval_mine": math.nan, "eval_perplexity": math.inf})
    assert compared(result_of(odd, None)) == {"eval_perplexity"}


class OneTicket:
    """A board with a single job."""

    def submit(self, job: Job) -> None:
        self.ticket = Ticket(job, list(job.seen))

    def event(self, trial: str, place: int):
        return self.ticket.event(place)


def test_evaluations_from_before_an_interruption_are_not_judged_again():
    board, trial = OneTicket(), object.__new__(SlotTrial)
    config = TrialConfig(model="m", data={"train": "t"}, budget={"steps": 9, "evaluations": 9})
    measured = [Evaluation(point, point, {"eval_loss": 1.0}) for point in (1, 2, 3)]
    client = {"trial": 0, "config": config, "folder": "f", "seen": measured[:2], "forking": None}
    trial.setup(client, board)
    board.ticket.measured(measured[2])
    assert [JUDGED in trial.step() for _ in measured] == [True, True, False]
