"""What early stopping saved: the rest of stopped trials, had they gone on; and what warm slots
saved: loads of the base. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from results.records.record import SweepRecord, TrialRecord, TrialStatus


@dataclass(frozen=True)
class Saved:
    """Seconds at their own pace, and optimizer steps, of the rest of so many `trials`."""

    seconds: float = 0.0
    steps: int = 0
    trials: int = 0


def saved_by_stopping(trials: Sequence[TrialRecord]) -> Saved:
    """Of trials that ended, well or pruned, before their last evaluation."""
    seconds, steps, count = 0.0, 0, 0
    for record in trials:
        last, points = record.last(), record.config.get("budget.evaluations")
        over = record.status in (TrialStatus.PRUNED, TrialStatus.COMPLETE)
        if over and last and isinstance(points, int) and last.point < points:
            left = points / last.point - 1
            seconds += record.whole_seconds * left
            steps += round(last.step * left)
            count += 1
    return Saved(seconds, steps, count)


@dataclass(frozen=True)
class Spared:
    """So many `loads` of the base that trials in a warm slot did without, and their seconds, by
    those that were measured."""

    seconds: float = 0.0
    loads: int = 0


def saved_by_warm_slots(sweep: SweepRecord, trained: Sequence[TrialRecord]) -> Spared:
    """Of trials and repeats that trained."""
    records = [each for each in trained if each.seconds > 0]
    measured = (sweep.loading_seconds, *(each.loading_seconds for each in records))
    loads = [each for each in measured if each > 0]
    if not loads:
        return Spared()
    spared = sum(each.loading_seconds == 0 for each in records)
    return Spared(spared * fmean(loads), spared)
