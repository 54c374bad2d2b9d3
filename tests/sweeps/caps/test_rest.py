"""What a running sweep will still take, against sweeps that are played to their end."""

from __future__ import annotations

import random
from statistics import median

import pytest
from finished_sweeps import ended_trial

from results.ranking.saved import Saved, Spared, saved_by_stopping, saved_by_warm_slots
from results.records.cluster_record import ClusterRecord, SlotRecord
from results.records.record import Measurement, SweepRecord, SweepState
from sweeps.caps.rest import rest_of

POINTS = 10


def trial(number, points, pace, status):
    """A trial with so many of its evaluations, each after `pace` seconds and 20 steps."""
    measured = tuple(
        Measurement(point=p, step=20 * p, tokens=p, seconds=p * pace, metrics={"eval_loss": 2.0})
        for p in range(1, points + 1)
    )
    return ended_trial(number, status, {"learning_rate": 1e-3}, 2.0, 1.5).with_changes(
        measurements=measured, seconds=points * pace, config={"budget.evaluations": POINTS}
    )


def sweep(trials, **changes):
    fields = {"created": 0.0, "budget_trials": trials, **changes}
    return SweepRecord(name="s", state=SweepState.RUNNING, metric="eval_loss", mode="min", **fields)


def played(seed, ended=12, of=40):
    """A sweep of unequal trials, of which early stopping ends two thirds; and its rest in truth."""
    rng = random.Random(seed)
    records, left = [], 0.0
    for number in range(of):
        stopped = rng.random() < 0.66
        points = rng.choice((2, 3, 4)) if stopped else POINTS
        pace = rng.choice((5.0, 6.0, 12.0))
        if number < ended:
            records.append(trial(number, points, pace, "pruned" if stopped else "complete"))
        elif number == ended:
            records.append(trial(number, 1, pace, "running"))
            left += (points - 1) * pace
        else:
            left += points * pace
    return records, left


def test_the_interval_holds_the_rest_of_played_sweeps_that_stop_early():
    held = 0
    for seed in range(100):
        records, left = played(seed)
        rest = rest_of(sweep(40), records, None)
        held += rest.low <= left <= rest.high
        assert rest.trials == 28 and rest.clock_low == pytest.approx(rest.low)
    assert 80 <= held <= 99


def test_few_ended_trials_give_a_wider_interval():
    def width(known):
        widths = []
        for seed in range(20):
            ended = [each for each in played(seed, known)[0] if each.status.ended]
            rest = rest_of(sweep(known + 200), ended, None)
            widths.append(rest.high / rest.low)
        return median(widths)

    assert width(5) > 1.2 * width(30)


def test_several_slots_share_the_rest_but_not_a_single_trial():
    records, _ = played(1)
    slots = ClusterRecord(at=0.0, slots=[SlotRecord(name=f"{n}", up=n < 2) for n in range(3)])
    alone, shared = rest_of(sweep(40), records, None), rest_of(sweep(40), records, slots)
    assert shared.clock_high == pytest.approx(alone.clock_high / 2)
    last = rest_of(sweep(13), records, slots)
    assert last.clock_high <= last.high or last.clock_high == pytest.approx(last.clock_low)


def test_a_young_sweep_has_the_rest_of_its_quote_or_none():
    first = [trial(0, 10, 5.0, "complete")]
    assert rest_of(sweep(40), first, None) is None
    rest = rest_of(sweep(40, quote={"low": 100.0, "high": 200.0}), first, None)
    assert (rest.low, rest.high) == (50.0, 150.0)


def test_a_confirmation_to_come_is_counted_whole():
    """Its trainings are those of the best trials, which nothing stops."""
    records = [trial(n, 2, 5.0, "pruned") for n in range(10)]
    records += [trial(n, POINTS, 5.0, "complete") for n in range(10, 15)]
    alone = rest_of(sweep(15), records, None)
    assert alone is None, "the search has ended"
    rest = rest_of(sweep(15), records, None, most_repeats=6)
    assert (rest.low, rest.high) == (300.0, 300.0) and (rest.trials, rest.repeats) == (0, 6)
    begun = [trial(0, POINTS, 5.0, "complete"), trial(1, 4, 5.0, "running")]
    later = rest_of(sweep(15), records, None, begun, most_repeats=6)
    assert (later.low, later.repeats) == (30.0 + 4 * 50.0, 5)
    slots = ClusterRecord(at=0.0, slots=[SlotRecord(name=f"{n}", up=True) for n in range(8)])
    assert rest_of(sweep(15), records, slots, most_repeats=6).clock_low == pytest.approx(50.0)
    both = rest_of(sweep(20), records, None, most_repeats=6)
    assert both.low > rest.low and (both.trials, both.repeats) == (5, 6)


def test_the_confirmation_of_a_young_sweep_is_a_share_of_its_quote():
    first = [trial(0, 10, 5.0, "complete")]
    quoted = sweep(5, quote={"low": 150.0, "high": 250.0})
    slots = ClusterRecord(at=0.0, slots=[SlotRecord(name=f"{n}", up=True) for n in range(4)])
    rest = rest_of(quoted, first, slots, most_repeats=4)
    assert (rest.low, rest.high) == (pytest.approx(100.0), pytest.approx(200.0))
    assert rest.clock_low == pytest.approx(25.0)


def test_nothing_is_left_of_ended_sweeps_nor_known_of_those_without_a_number_of_trials():
    records = played(1)[0][:12]
    assert rest_of(sweep(12), records, None) is None
    assert rest_of(sweep(None), records, None) is None
    over = sweep(40).with_changes(state=SweepState.INTERRUPTED)
    assert rest_of(over, records, None) is None


def test_steps_that_stopped_trials_were_spared():
    trials = [trial(0, 4, 5.0, "pruned"), trial(1, 10, 5.0, "complete"), trial(2, 1, 5.0, "failed")]
    assert saved_by_stopping(trials) == Saved(seconds=pytest.approx(30.0), steps=120, trials=1)


def test_loads_of_the_base_that_warm_slots_did_without_count_as_long_as_those_measured():
    def loaded(number, seconds):
        return trial(number, 4, 5.0, "complete").with_changes(loading_seconds=seconds)

    # Slot 0 measured the base, slot 1 loaded it for trial 1; a trial that never began loads none.
    trials = [loaded(0, 0.0), loaded(1, 30.0), loaded(2, 0.0), trial(3, 0, 5.0, "waiting")]
    begun = sweep(40, loading_seconds=20.0)
    assert saved_by_warm_slots(begun, trials) == Spared(seconds=50.0, loads=2)
    assert saved_by_warm_slots(sweep(40), [loaded(0, 0.0)]) == Spared()
