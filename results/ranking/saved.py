"""What early stopping saved: the rest of stopped trials, had they gone on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from results.records.record import TrialRecord, TrialStatus


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
