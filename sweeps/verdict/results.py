"""A sweep's results as read from its folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from results.ranking.front import judge
from results.ranking.winners import Ranking
from results.records.record import Mode, SweepRecord, TrialRecord
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.spec.spec import SweepSpec


@dataclass(frozen=True)
class Results:
    """The records of a sweep, their ranking, and its spec; None if this can no longer be read."""

    folder: SweepFolder
    sweep: SweepRecord
    trials: Sequence[TrialRecord]
    ranking: Ranking
    spec: SweepSpec | None

    @classmethod
    def read(cls, folder: SweepFolder) -> Self:
        """The current results; RecordError if a record is unreadable."""
        sweep, trials = folder.sweep_record(), folder.trials()
        return cls(folder, sweep, trials, judge(trials, sweep.goals), _spec(folder, sweep))

    @property
    def metric(self) -> str:
        """The first metric of the search."""
        return self.sweep.metric

    @property
    def mode(self) -> Mode:
        """Whether a smaller or a larger value of the first metric is better."""
        return self.sweep.mode

    def complete(self) -> list[TrialRecord]:
        """The comparable trials: those that had their whole budget and a finite value."""
        return [
            each for each in self.trials if each.status.can_win and self.value(each) is not None
        ]

    def value(self, record: TrialRecord) -> float | None:
        """The value that counts for a complete trial, else the last finite one; None without one.

        The first metric's, as in the ranking.
        """
        if record.status.can_win:
            counted = record.counted(self.sweep.goals)
            value = counted.metrics.get(self.metric, math.nan) if counted else math.nan
            return value if math.isfinite(value) else None
        values = [each.metrics.get(self.metric, math.nan) for each in record.measurements]
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
