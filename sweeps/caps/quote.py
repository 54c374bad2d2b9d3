"""What a sweep will take: every reachable trial is priced, and the sweep is played through."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from results.records.quote import Quote
from sweeps.caps.simulation import Family, play
from sweeps.caps.too_short import STARTING
from sweeps.spec.spec import SweepSpec

_WORK = 40_000
"""Evaluations played in all; a sweep of many trials is played fewer times."""

_MOST_TIMES = 40
_MOST_TRIALS = 500
"""Trials of a played sweep; a longer one takes as much longer."""

_ERROR = 0.15
"""Spread of the logarithm of measured speeds, from the short steps of a dry run to a sweep's."""


def make_quote(
    spec: SweepSpec,
    families: Sequence[Family],
    trials: int,
    repeats: int,
    slots: int,
    warm_up: float = 0.0,
) -> Quote:
    """The quote of a sweep whose trials are like those in `families`, at random points of its
    space. Repeats are trained whole. Each slot takes `warm_up` seconds longer for its first ones.
    """
    points = spec.trial.budget.evaluations
    count = min(trials, _MOST_TRIALS)
    times = max(5, min(_MOST_TIMES, _WORK // (count * points)))
    rng = random.Random(spec.search.seed)
    prices = [each.seconds for family in families for each in family]
    busy, whole, clock, saved = [], [], [], []
    for number in range(times):
        drawn = _drawn(families, count, rng)
        played = play(spec.search, points, drawn, slots, seed=number)
        more = repeats * rng.choice(prices)
        error = rng.lognormvariate(0.0, _ERROR)
        scale = trials / count
        saved.append(error * played.saved * scale)
        together = min(slots, max(1, repeats))
        besides = more + slots * warm_up
        busy.append(error * (played.busy * scale + besides))
        unstopped = sum(trial.own for family in drawn for trial in family)
        whole.append(error * (unstopped * scale + besides))
        training = error * (played.clock * scale + more / together + warm_up)
        clock.append(training + rng.uniform(*STARTING))
    return Quote(
        low=float(np.quantile(busy, 0.05)),
        high=float(np.quantile(busy, 0.95)),
        unstopped_low=float(np.quantile(whole, 0.05)),
        unstopped_high=float(np.quantile(whole, 0.95)),
        clock_low=float(np.quantile(clock, 0.05)),
        clock_high=float(np.quantile(clock, 0.95)),
        slots=slots,
        shortest=min(prices),
        longest=max(prices),
        saved_low=float(np.quantile(saved, 0.05)),
        saved_high=float(np.quantile(saved, 0.95)),
    )


def _drawn(families: Sequence[Family], count: int, rng: random.Random) -> list[Family]:
    """Random families of so many trials in all."""
    found: list[Family] = []
    while count > 0:
        family = rng.choice(families)[:count]
        found.append(family)
        count -= len(family)
    return found
