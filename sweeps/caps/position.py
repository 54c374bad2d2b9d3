"""A sweep at a moment, as its caps see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from results.records.record import TrialRecord


@dataclass(frozen=True)
class Position:
    """`spent` is by the name of the cap; `per_hour` what an hour adds to it.

    `trials` and `repeats` are all on record. `since` has, by its key, the seconds of each trial
    under way since its last measurement here, or since it began.
    """

    spent: Mapping[str, float]
    per_hour: Mapping[str, float]
    trials: Sequence[TrialRecord]
    repeats: Sequence[TrialRecord] = ()
    since: Mapping[object, float] = field(default_factory=dict)

    @cached_property
    def under_way(self) -> list[TrialRecord]:
        """The trials and repeats that have begun, or wait for a slot, and have not ended."""
        return [each for each in (*self.trials, *self.repeats) if each.status.under_way]
