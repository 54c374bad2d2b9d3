from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from live_samples import cluster_of, slot, standing_of, trial

from results.ranking.front import judge
from results.records.record import TrialStatus
from sweeps.display.reasons import troubles
from sweeps.display.standing import Standing


def running(standing: Standing, number: int, done: float) -> None:
    standing.cluster = cluster_of(slot(str(number), ("training", done, 100.0, "step")))


def test_the_time_left_counts_what_running_trials_have_behind_them():
    standing = standing_of(trial(0, "complete", 2.0), trial(1, "running"), budget_trials=4)
    assert standing.seconds_left(60.0) == pytest.approx(180.0), "one of four in a minute"
    running(standing, 1, 50.0)
    assert standing.seconds_left(90.0) == pytest.approx(150.0), (
        "one and a half in a minute and half"
    )


def test_before_the_first_trial_has_ended_its_steps_tell_the_time_left():
    standing = standing_of(trial(0, "running"), budget_trials=2)
    assert standing.seconds_left(60.0) is None
    running(standing, 0, 1.0)
    assert standing.seconds_left(60.0) is None, "too little to tell"
    running(standing, 0, 25.0)
    assert standing.seconds_left(60.0) == pytest.approx(420.0)


def test_without_a_word_from_its_slot_a_trials_evaluations_tell():
    standing = standing_of(trial(0, "running", 3.0, 2.0), budget_trials=1)
    assert standing.share(0) == 0.5
    assert standing.seconds_left(60.0) == pytest.approx(60.0)


def test_an_evaluation_that_is_newer_than_its_slots_word_counts():
    standing = standing_of(trial(0, "running", 3.0, 2.0, 1.0))
    running(standing, 0, 40.0)
    assert standing.share(0) == 0.75
    running(standing, 0, 90.0)
    assert standing.share(0) == 0.9


def test_a_resumed_sweeps_earlier_trials_say_nothing_of_its_pace():
    standing = standing_of(budget_trials=12)
    for number in range(10):
        standing.changed(trial(number, "complete", 2.0), 0.0)
    assert standing.seconds_left(60.0) is None
    assert standing.tokens_per_second(60.0) == 0.0
    standing.changed(trial(10, "waiting"), 0.0)
    standing.changed(trial(10, "running"), 0.0)
    standing.changed(trial(10, "complete", 2.0, 2.0), 60.0)
    assert standing.ended() == 11
    assert standing.seconds_left(60.0) == pytest.approx(60.0), "one of the two that were left"
    assert standing.tokens_per_second(100.0) == pytest.approx(2.0), "its own 200 tokens"


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_up_with_each_change_is_what_all_records_say(seed):
    random, standing = Random(seed), standing_of()
    statuses, records = [*TrialStatus], {}
    for moment in range(200):
        number = random.randrange(30)
        if number in records and records[number].status.ended:
            continue
        losses = [random.choice([2.0, 3.0, 4.0]) for _ in range(random.randrange(1, 4))]
        fields = {"ended": float(moment), "added_by_hand": number % 7 == 0}
        records[number] = trial(number, random.choice(statuses), *losses, **fields)
        standing.changed(records[number], float(moment))
    by_end = sorted((r for r in records.values() if r.status.ended), key=lambda r: r.ended)
    latest = [r.number for r in standing.latest() if r.status.ended]
    assert latest == [r.number for r in by_end][-8:]
    assert standing.ended() == len(by_end)
    assert +standing.counts == Counter(r.status for r in records.values())
    assert standing.expected() == 40 + sum(r.added_by_hand for r in records.values())
    assert standing.troubles() == troubles(by_end, "eval_loss")
    best = judge([*records.values()], {"eval_loss": "min"}).chosen
    assert [w.record for w in standing.chosen()] == [w.record for w in best]
    assert {r.number for r in standing.running()} == {
        r.number for r in records.values() if r.status is TrialStatus.RUNNING
    }


def test_what_a_trial_is_at_besides_training_is_a_word():
    standing = standing_of(trial(0, "running"))
    assert standing.activity(0) == ""
    for phases, word in (
        ([("training", 1.0, 9.0, "step")], ""),
        ([("training", 1.0, 9.0, "step"), ("writing a checkpoint",)], "writing"),
        ([("loading the model",), ("tensors", 1.0, 3.0)], "loading"),
        ([], "starting"),
    ):
        standing.cluster = cluster_of(slot("0", *phases))
        assert standing.activity(0) == word
