"""The ranking of a sweep's trials, those below the base marked as such."""

from __future__ import annotations

from collections.abc import Sequence

from results.ranking.front import judge
from results.ranking.winners import Ranking
from results.records.record import SweepRecord, TrialRecord
from trainables.objectives.policy import KL


def ranked(sweep: SweepRecord, trials: Sequence[TrialRecord]) -> Ranking:
    """The ranking by the goals of the search. A distance from the base is no loss."""
    base = {name: value for name, value in sweep.base.items() if name != KL}
    return judge(trials, sweep.goals, base)
