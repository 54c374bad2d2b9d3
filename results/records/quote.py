"""What a sweep was expected to take, from a dry run."""

from __future__ import annotations

from results.records.record_value import Record


class Quote(Record):
    """Intervals (5% to 95%) of the seconds of all trials together, and on the clock with `slots`
    slots; `unstopped_low` to `unstopped_high` are the first without early stopping.

    `shortest` and `longest` are the seconds of single trials, trained whole; `saved_low` to
    `saved_high` those that forks save, counted in none of the others.
    """

    low: float
    high: float
    unstopped_low: float
    unstopped_high: float
    clock_low: float
    clock_high: float
    slots: int
    shortest: float
    longest: float
    saved_low: float = 0.0
    saved_high: float = 0.0
