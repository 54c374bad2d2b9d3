"""A sweep's results as read from its folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from results.ranking.confirmation import Confirmation
from results.ranking.confirmed_front import ConfirmedFront
from results.ranking.winners import Ranking
from results.records.record import Mode, SweepRecord, TrialRecord
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.confirmed import confirmation
from sweeps.verdict.ranked import ranked


@dataclass(frozen=True)
class Results:
    """The records of a sweep, and what follows from them."""

    folder: SweepFolder
    sweep: SweepRecord
    trials: Sequence[TrialRecord]

    @classmethod
    def read(cls, folder: SweepFolder) -> Self:
        """The current results; RecordError if a record is unreadable."""
        return cls(folder, folder.sweep_record(), folder.trials())

    @cached_property
    def ranking(self) -> Ranking:
        """The trials by the goals of the search."""
        return ranked(self.sweep, self.trials)

    @cached_property
    def spec(self) -> SweepSpec | None:
        """The launched spec; None if it can no longer be read."""
        return _spec(self.folder, self.sweep)

    @property
    def metric(self) -> str:
        """The first metric of the search."""
        return self.sweep.metric

    @property
    def mode(self) -> Mode:
        """Whether a smaller or a larger value of the first metric is better."""
        return self.sweep.mode

    @cached_property
    def confirmed(self) -> Confirmation | ConfirmedFront | None:
        """What the repeats with fresh seeds say; None without any complete one."""
        return confirmation(self.sweep, self.ranking, self.folder)

    @cached_property
    def chosen(self) -> frozenset[int]:
        """The numbers of the trials that won: by their means over fresh seeds where there are
        some, else by the search."""
        if isinstance(self.confirmed, ConfirmedFront):
            return frozenset(each.number for each in self.confirmed.trials if each.on_front)
        if self.confirmed is not None:
            return frozenset({self.confirmed.winner.number})
        return frozenset(winner.record.number for winner in self.ranking.chosen)

    @property
    def winner(self) -> TrialRecord | None:
        """The trial that won, by the first metric; None without a complete one."""
        if self.confirmed is not None:
            return self.confirmed.winner.record
        return self.ranking.winners[0].record if self.ranking.winners else None

    def complete(self) -> list[TrialRecord]:
        """The comparable trials: those that had their whole budget and a finite value."""
        return [
            each for each in self.trials if each.status.can_win and self.value(each) is not None
        ]

    @cached_property
    def compared_on(self) -> str:
        """` on 200 examples`, if that is what `value` is of; empty if it is of the whole set."""
        parts = (
            record.config.get("evaluation.examples")
            for record in self.trials
            if any(each.subset for each in record.measurements)
        )
        examples = next(parts, None)
        return f" on {examples:,} examples" if isinstance(examples, int) else ""

    def value(self, record: TrialRecord) -> float | None:
        """The value that counts for a complete trial, else the last finite one; None without one.

        The first metric's, as in the ranking. With evaluation.examples, all are on the same part of
        the validation set, so that unfinished trials can be compared with complete ones.
        """
        if record.status.can_win:
            counted = record.counted(self.sweep.goals)
            value = counted.compared.get(self.metric, math.nan) if counted else math.nan
            return value if math.isfinite(value) else None
        values = [each.compared.get(self.metric, math.nan) for each in record.measurements]
        return next((each for each in reversed(values) if math.isfinite(each)), None)


def _spec(folder: SweepFolder, sweep: SweepRecord) -> SweepSpec | None:
    """The launched spec. It is not read if the files that it names have gone since.

    Relative paths in it start at the folder of the launch, which is entered for a moment.
    """
    file = folder.spec.absolute()
    try:
        with where_it_was_launched(sweep):
            return SweepSpec.load(file, name=folder.path.name, elsewhere=True)
    except (SweepError, OSError):
        return None
