"""How much of its trials' budgets a sweep is expected to train, given its early stopping."""

from __future__ import annotations

import statistics

from sweeps.caps.simulation import Planned, play
from sweeps.spec.spec import SweepSpec

_MOST_TRIALS = 100
"""Trials of a played sweep; of more, early stopping leaves about the same share."""

_TIMES = 5


def share_trained(spec: SweepSpec, slots: int) -> float:
    """The share of the budgets of all trials together, by the play of a quote: 1 if none are
    stopped early."""
    trials, points = min(spec.trials, _MOST_TRIALS), spec.trial.budget.evaluations
    families = [(Planned(1.0),)] * trials
    plays = (play(spec.search, points, families, slots, seed=seed) for seed in range(_TIMES))
    return statistics.fmean(each.busy for each in plays) / trials
