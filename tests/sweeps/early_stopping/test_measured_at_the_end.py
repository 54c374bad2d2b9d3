"""Trials without training, measured only at the last point, beside trials measured at each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from ray.tune.schedulers import TrialScheduler

from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.slots.trial import result_of


@dataclass(frozen=True)
class Trial:
    trial_id: str


class Controller:
    """No trial waits, so that none is paused for another."""

    def get_live_trials(self):
        return []


class Course:
    """A scheduler that is told what trials measure, smaller is better."""

    def __init__(self, rule: str, points: int) -> None:
        self.points = points
        search = SearchSettings(metric="eval_loss", early_stopping=rule)
        self._scheduler = make_scheduler(search, points)

    def untrained(self, name: str, loss: float) -> None:
        """It is measured at the last point, and has ended."""
        trial, result = Trial(name), {"point": self.points, "eval_loss": loss}
        self._scheduler.on_trial_add(Controller(), trial)
        self._scheduler.on_trial_result(Controller(), trial, result)
        self._scheduler.on_trial_complete(Controller(), trial, result)

    def stopped_at(self, name: str, *losses: float) -> int | None:
        """The point before the last at which a trained trial is stopped."""
        measured = [Evaluation(n, n, {"eval_loss": loss}) for n, loss in enumerate(losses, 1)]
        return self.stopped_with(name, measured)

    def stopped_with(self, name: str, measured: Sequence[Evaluation]) -> int | None:
        """The same for a trial with these evaluations."""
        trial = Trial(name)
        self._scheduler.on_trial_add(Controller(), trial)
        for evaluation in measured:
            result, point = result_of(evaluation, None), evaluation.point
            verdict = self._scheduler.on_trial_result(Controller(), trial, result)
            if verdict == TrialScheduler.STOP and point < self.points:
                return point
        self._scheduler.on_trial_complete(Controller(), trial, result)
        return None

    def diverged(self, name: str, *losses: float) -> None:
        """It is measured like this, and has ended without a value."""
        trial, controller = Trial(name), Controller()
        self._scheduler.on_trial_add(controller, trial)
        for point, loss in enumerate(losses, 1):
            last = Evaluation(point, point, {"eval_loss": loss})
            self._scheduler.on_trial_result(controller, trial, result_of(last, None))
        end = result_of(last, Outcome(Ending.DIVERGED))
        self._scheduler.on_trial_complete(controller, trial, end)


RULES = pytest.mark.parametrize("rule", ["asha", "median"])


def trained(course: Course) -> list[int | None]:
    """When each of ten trials is stopped, of which every second is much worse."""
    return [
        course.stopped_at(f"t{n}", *([9.0 + n if n % 2 else 2.0 + 0.01 * n] * course.points))
        for n in range(10)
    ]


@RULES
@pytest.mark.parametrize("points", [9, 10])
@pytest.mark.parametrize("loss", [0.1, 50.0], ids=["better", "worse"])
def test_they_change_nothing_for_trained_trials(rule, points, loss):
    expected = trained(Course(rule, points))
    assert any(expected) and not all(expected), "else nothing is compared"
    course = Course(rule, points)
    for n in range(6):
        course.untrained(f"u{n}", loss)
    assert trained(course) == expected


@RULES
@pytest.mark.parametrize("points", [1, 2, 3, 4, 5, 9, 10, 27])
def test_alone_they_stop_nobody_before_the_end(rule, points):
    course = Course(rule, points)
    for n in range(6):
        course.untrained(f"u{n}", 0.1)
    assert course.stopped_at("t", *([9.0] * points)) is None


@RULES
def test_trials_without_a_number_stop_nobody_and_hide_nobody(rule):
    """Warnings are errors: numpy would have one for rungs of NaN alone."""
    course = Course(rule, 9)
    assert [course.stopped_at(f"n{n}", *([math.nan] * 9)) for n in range(4)] == [None] * 4
    assert trained(course) == trained(Course(rule, 9))


@RULES
def test_trials_that_end_badly_change_nothing_for_others(rule):
    course = Course(rule, 9)
    for n in range(4):
        course.diverged(f"d{n}", 1.0, 1.0, 1.0)
    assert any(trained(course))


@RULES
def test_trials_are_compared_on_the_same_examples_though_some_were_measured_on_all(rule):
    """A result on the whole set, which is better here, is no reason to stop another trial."""
    course = Course(rule, 9)
    for name in ("a", "b", "c", "d"):
        part = [Evaluation(n, n, {}, subset={"eval_loss": 2.0}) for n in range(1, 10)]
        both = [Evaluation(n, n, {"eval_loss": 1.0}, subset={"eval_loss": 2.0}) for n in (3, 9)]
        part[2], part[8] = both
        assert course.stopped_with(name, part) is None
    equal, worse = (
        [Evaluation(n, n, {}, subset={"eval_loss": loss}) for n in range(1, 10)]
        for loss in (2.0, 3.0)
    )
    assert course.stopped_with("e", equal) is None
    assert course.stopped_with("f", worse) is not None
