"""ASHA's trials have to keep their places at the rung that they passed last; decisions resumed."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from ray.tune.schedulers import TrialScheduler

from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.search.schedulers import make_scheduler, replay
from sweeps.spec.settings import SearchSettings
from trainables.slots.trial import JUDGED

POINTS = 9
SEARCH = SearchSettings(metric="eval_loss")


@dataclass(frozen=True)
class Trial:
    trial_id: str


class Course:
    """Trials side by side under a rule; the rungs are points 1, 3 and 9."""

    def __init__(self, search: SearchSettings = SEARCH, records: tuple[TrialRecord, ...] = ()):
        self._scheduler = make_scheduler(search, POINTS)
        replay(self._scheduler, records, search)
        self._known: set[str] = set()

    def goes_on(self, name: str, point: int, loss: float, **marks: bool) -> bool:
        """Whether a trial may go on after this evaluation."""
        trial, result = Trial(name), {"point": point, "eval_loss": loss, **marks}
        if name not in self._known:
            self._scheduler.on_trial_add(None, trial)
            self._known.add(name)
        verdict = self._scheduler.on_trial_result(None, trial, result)
        if verdict == TrialScheduler.STOP:
            self._scheduler.on_trial_complete(None, trial, result)
        return verdict == TrialScheduler.CONTINUE


def test_the_first_trials_of_a_rung_have_no_free_pass():
    course = Course()
    assert course.goes_on("worst", 1, 3.0), "there is nothing to compare it with yet"
    assert course.goes_on("middle", 1, 2.0) and course.goes_on("best", 1, 1.0)
    assert not course.goes_on("worst", 2, 0.5) and not course.goes_on("middle", 2, 0.5)
    assert course.goes_on("best", 2, 4.0)


def test_without_a_recheck_a_trial_that_was_let_go_on_trains_to_its_next_rung():
    course = Course(SEARCH.model_copy(update={"early_stopping_options": {"recheck": False}}))
    for name, loss in (("worst", 3.0), ("middle", 2.0), ("best", 1.0)):
        assert course.goes_on(name, 1, loss)
    assert course.goes_on("worst", 2, 3.0)


@pytest.mark.parametrize("count", [3, 4, 6, 11])
@pytest.mark.parametrize("seed", range(3))
def test_a_third_goes_on_in_whatever_order_they_came(count, seed):
    losses = random.Random(seed).sample(range(100), count)
    course = Course()
    going = [loss for loss in losses if course.goes_on(str(loss), 1, float(loss))]
    left = [loss for loss in going if course.goes_on(str(loss), 2, float(loss))]
    best = sorted(losses)[: -(-count // 3)]
    assert set(left) == set(best) & set(going) and best[0] in left


def test_only_the_last_rung_counts_that_a_trial_passed():
    """A late bloomer is not stopped by early values once it has passed the next rung."""
    course = Course()
    assert course.goes_on("late", 1, 5.0) and course.goes_on("late", 3, 0.5)
    for n in range(6):
        course.goes_on(f"early{n}", 1, 1.0 + n)
    assert course.goes_on("late", 4, 0.4)
    assert course.goes_on("other", 1, 0.5) and course.goes_on("other", 3, 0.1)
    assert not course.goes_on("late", 5, 0.05), "it was behind at point 3"


def test_larger_may_be_better():
    search = SearchSettings(metric="eval_loss", mode="max")
    course = Course(search)
    assert course.goes_on("low", 1, 1.0) and course.goes_on("high", 1, 2.0)
    assert (course.goes_on("low", 2, 9.0), course.goes_on("high", 2, 9.0)) == (False, True)


def test_a_trial_without_a_value_at_a_rung_is_not_judged_there():
    """It has few steps, or a branch took the point over from its trunk."""
    course = Course()
    for n in range(6):
        course.goes_on(f"other{n}", 1, 1.0)
    assert course.goes_on("few steps", 2, 9.0)


def test_nothing_is_stopped_at_its_end():
    course = Course(SEARCH.model_copy(update={"early_stopping_options": {"grace_period": 2}}))
    assert course.goes_on("first", 2, 2.0)  # the rungs are 2 and 6
    course.goes_on("second", 2, 1.0)
    assert course.goes_on("first", POINTS, 2.0)


@pytest.mark.parametrize("rule", ["asha", "median"])
def test_what_a_trial_went_on_with_before_an_interruption_does_not_stop_it(rule):
    course = Course(SEARCH.model_copy(update={"early_stopping": rule}))
    for n in range(6):
        for point in range(1, 6):
            course.goes_on(f"other{n}", point, 1.0)
    again = [course.goes_on("behind", point, 9.0, **{JUDGED: True}) for point in range(1, 5)]
    assert all(again) and not course.goes_on("behind", 5, 9.0)


@pytest.mark.parametrize("cut", range(2, 40, 3))
def test_a_resumed_search_decides_what_it_would_have_undisturbed(cut):
    """Four trials at once, interrupted after `cut` evaluations."""
    rng = random.Random(cut)
    losses = {str(n): [rng.random() for _ in range(POINTS)] for n in range(60)}
    course, whole, seen, over = Course(), [], {}, {}
    interrupted = None
    while len(whole) < 60:
        if len(whole) == cut:
            interrupted = (dict(seen), dict(over))
        running = [name for name in losses if name not in over][:4]
        name = running[rng.randrange(4)]
        point = seen.get(name, 0) + 1
        goes_on = course.goes_on(name, point, losses[name][point - 1])
        seen[name] = point
        if point == POINTS or not goes_on:
            over[name] = TrialStatus.COMPLETE if point == POINTS else TrialStatus.PRUNED
        whole.append((name, point, goes_on))
    assert not all(goes_on for *_, goes_on in whole[cut:]), "else there is little to decide"
    resumed = _resumed(losses, *interrupted)
    for name, point, goes_on in whole[cut:]:
        assert resumed.goes_on(name, point, losses[name][point - 1]) == goes_on


def _resumed(losses, seen, over):
    records = []
    for name, end in over.items():
        values = [
            Measurement(point=p, step=p, tokens=p, seconds=1.0, metrics={"eval_loss": loss})
            for p, loss in enumerate(losses[name][: seen[name]], 1)
        ]
        records.append(
            TrialRecord(sweep="s", number=int(name), status=end, measurements=tuple(values))
        )
    course = Course(records=tuple(records))
    for name in seen.keys() - over.keys():
        for point in range(1, seen[name] + 1):
            assert course.goes_on(name, point, losses[name][point - 1], **{JUDGED: True})
    return course
