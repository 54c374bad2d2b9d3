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
    """Intervals (5% to 95%) of the seconds of all trainings to come, those under way and the
    confirmation included, and on the clock; `trials` are still to end, and then `repeats` with
    fresh seeds. `ratio` is by how much what is spent grows with them."""

    low: float
    high: float
    clock_low: float
    clock_high: float
    trials: int
    ratio_low: float
    ratio_high: float
    repeats: int = 0


@dataclass(frozen=True)
class _Left:
    """What is to come: trials under way and `new` ones, and then repeats."""

    open_ones: Sequence[TrialRecord]
    new: int
    open_repeats: Sequence[TrialRecord]
    new_repeats: int

    @property
    def trials(self) -> int:
        return len(self.open_ones) + self.new

    @property
    def repeats(self) -> int:
        return len(self.open_repeats) + self.new_repeats


@dataclass(frozen=True)
class _Spans:
    """Draws of the seconds of the trials to come, and of the repeats."""

    search: Sequence[float]
    confirmation: Sequence[float]

    def over(self, slots: int, repeat_slots: int) -> list[float]:
        """Their sums, each part over so many slots."""
        pairs = zip(self.search, self.confirmation, strict=True)
        return [search / slots + repeats / repeat_slots for search, repeats in pairs]


def rest_of(
    sweep: SweepRecord,
    trials: Sequence[TrialRecord],
    cluster: ClusterRecord | None,
    repeats: Sequence[TrialRecord] = (),
    most_repeats: int = 0,
) -> Rest | None:
    """None for an ended sweep, one without a number of trials, or one too young to tell.

    Trials to come are drawn from those that ended, however they ended, so that early stopping goes
    on as it did. Of `most_repeats` with fresh seeds, those that are not among `repeats` are to
    come; they are drawn from the complete trials.
    """
    expected = sweep.expected(trials)
    if sweep.state.ended or expected is None:
        return None
    left = _left_over(trials, expected, repeats, most_repeats)
    took = sum(each.seconds for each in (*trials, *repeats))
    if not left.trials and not left.repeats:
        return None
    spans = _drawn(trials, repeats, left) or _quoted(sweep, took, left)
    if spans is None:
        return None
    low, high = _ends(spans.over(1, 1))
    up = max(1, sum(slot.up for slot in cluster.slots) if cluster else 1)
    slots, repeat_slots = min(up, max(1, left.trials)), min(up, max(1, left.repeats))
    clock_low, clock_high = _ends(spans.over(slots, repeat_slots))
    longest = max((_rest_by_pace(each) or 0.0 for each in left.open_ones), default=0.0)
    return Rest(
        low,
        high,
        max(clock_low, longest),
        max(clock_high, longest),
        left.trials,
        low / took if took else 0.0,
        high / took if took else 0.0,
        left.repeats,
    )


def _left_over(
    trials: Sequence[TrialRecord],
    expected: int,
    repeats: Sequence[TrialRecord],
    most_repeats: int,
) -> _Left:
    open_ones = [each for each in trials if not each.status.ended]
    open_repeats = [each for each in repeats if not each.status.ended]
    new, new_repeats = expected - len(trials), most_repeats - len(repeats)
    return _Left(open_ones, max(0, new), open_repeats, max(0, new_repeats))


def _ends(draws: Sequence[float]) -> tuple[float, float]:
    return float(np.quantile(draws, _LOW)), float(np.quantile(draws, _HIGH))


def _drawn(
    trials: Sequence[TrialRecord], repeats: Sequence[TrialRecord], left: _Left
) -> _Spans | None:
    """By the trials that ended; each draw also draws which of them are known, so that few of them
    give a wide interval."""
    ended = [each for each in trials if each.status.ended and each.seconds > 0]
    whole = [seconds for each in ended if (seconds := whole_seconds(each))]
    if len(ended) < _FEWEST or not whole:
        return None
    complete = [each.seconds for each in (*trials, *repeats) if each.status.can_win] or whole
    rng, search, confirmation = random.Random(0), [], []
    for _ in range(_TIMES):
        known = [each.seconds for each in rng.choices(ended, k=len(ended))]
        to_come = sum(rng.choices(known, k=left.new)) if left.new > 0 else 0.0
        under_way = sum(_rest_of_trial(each, rng.choice(known), whole) for each in left.open_ones)
        search.append(to_come + under_way)
        again = sum(rng.choices(complete, k=left.new_repeats)) if left.new_repeats > 0 else 0.0
        begun = [max(0.0, rng.choice(complete) - each.seconds) for each in left.open_repeats]
        confirmation.append(again + sum(begun))
    return _Spans(search, confirmation)


def _rest_of_trial(record: TrialRecord, drawn: float, whole: Sequence[float]) -> float:
    """The rest of a trial that takes as long as one that ended, and at most its own whole."""
    left = _rest_by_pace(record)
    most = max(whole) if left is None else left
    return min(most, max(0.0, drawn - record.seconds))


def _rest_by_pace(record: TrialRecord) -> float | None:
    """The seconds of a trial up to its last evaluation, by its own pace; None before its first."""
    seconds, done = whole_seconds(record), share_done(record)
    return None if seconds is None else seconds * (1.0 - done)


def _quoted(sweep: SweepRecord, took: float, left: _Left) -> _Spans | None:
    """What a dry run expected, without what was taken; the confirmation by its share of the
    trainings to come."""
    if not sweep.quote:
        return None
    share = left.repeats / (left.trials + left.repeats)
    ends = [max(0.0, sweep.quote[name] - took) for name in ("low", "high")]
    return _Spans(
        [(1 - share) * each for each in _spread(*ends)], [share * each for each in _spread(*ends)]
    )


def _spread(low: float, high: float) -> list[float]:
    """Draws with these ends, 5% and 95%."""
    return [low, low, high, high]
