"""What a running sweep will still take, by what its trials took so far. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from sweeps.caps.forecast import share_done, whole_seconds

_TIMES = 400
"""Draws of the trials to come."""

_FEWEST = 5
"""Ended trials from which those to come are drawn; before, a quote says more."""

_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Rest:
    """Intervals (5% to 95%) of the seconds of all trials to come, those under way included, and on
    the clock; `trials` are still to end. `ratio` is by how much what is spent grows with them."""

    low: float
    high: float
    clock_low: float
    clock_high: float
    trials: int
    ratio_low: float
    ratio_high: float


def rest_of(
    sweep: SweepRecord,
    trials: Sequence[TrialRecord],
    cluster: ClusterRecord | None,
) -> Rest | None:
    """None for an ended sweep, one without a number of trials, or one too young to tell.

    Trials to come are drawn from those that ended, however they ended, so that early stopping goes
    on as it did. Repeats with fresh seeds are not counted.
    """
    expected = sweep.expected(trials)
    if sweep.state.ended or expected is None:
        return None
    open_ones = [each for each in trials if not each.status.ended]
    left = max(0, expected - len(trials) + len(open_ones))
    took = sum(each.seconds for each in trials)
    found = _drawn(trials, open_ones, left - len(open_ones)) or _quoted(sweep, took)
    if found is None or not left:
        return None
    low, high = found
    slots = min(left, max(1, sum(slot.up for slot in cluster.slots) if cluster else 1))
    longest = max((_left(each) or 0.0 for each in open_ones), default=0.0)
    return Rest(
        low,
        high,
        max(low / slots, longest),
        max(high / slots, longest),
        left,
        low / took if took else 0.0,
        high / took if took else 0.0,
    )


def _drawn(
    trials: Sequence[TrialRecord], open_ones: Sequence[TrialRecord], new: int
) -> tuple[float, float] | None:
    """By the trials that ended; each draw also draws which of them are known, so that few of them
    give a wide interval."""
    ended = [each for each in trials if each.status.ended and each.seconds > 0]
    whole = [seconds for each in ended if (seconds := whole_seconds(each))]
    if len(ended) < _FEWEST or not whole:
        return None
    rng, sums = random.Random(0), []
    for _ in range(_TIMES):
        known = [each.seconds for each in rng.choices(ended, k=len(ended))]
        to_come = sum(rng.choices(known, k=new)) if new > 0 else 0.0
        under_way = sum(_rest_of_trial(each, rng.choice(known), whole) for each in open_ones)
        sums.append(to_come + under_way)
    return float(np.quantile(sums, _LOW)), float(np.quantile(sums, _HIGH))


def _rest_of_trial(record: TrialRecord, drawn: float, whole: Sequence[float]) -> float:
    """The rest of a trial that takes as long as one that ended, and at most its own whole."""
    left = _left(record)
    most = max(whole) if left is None else left
    return min(most, max(0.0, drawn - record.seconds))


def _left(record: TrialRecord) -> float | None:
    """The seconds of a trial up to its last evaluation, by its own pace; None before its first."""
    seconds, done = whole_seconds(record), share_done(record)
    return None if seconds is None else seconds * (1.0 - done)


def _quoted(sweep: SweepRecord, took: float) -> tuple[float, float] | None:
    """What a dry run expected, without what was taken."""
    if not sweep.quote:
        return None
    low, high = sweep.quote["low"] - took, sweep.quote["high"] - took
    return max(0.0, low), max(0.0, high)
