"""Trials to a good one with a prior that is right, or wrong by a factor, against none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import mean

import numpy as np

from benchmarks.priors.searches import clock_of
from benchmarks.replay.table import Table
from benchmarks.replay.tables import deberta, steplaw, taskset
from benchmarks.search_quality import RECIPE, trials_needed
from results.records.prior import Prior
from search_spaces.values import Value
from sweeps.search.priors import with_priors
from sweeps.spec.spec import SweepSpec
from trainables.objectives.toy import ToyConfig

OFF = (1.0, 3.0, 30.0, 1 / 30)
"""The factors by which the prior is wrong."""

MOST_TRIALS = 80

Needed = Callable[[float | None, int], int]
"""The trials that a search needs with a prior off by a factor (None: without one), and a seed."""


def toy(at_once: int) -> Needed:
    """The toy landscape, with a prior for the learning rate, to 0.05 above its optimum."""
    spec = SweepSpec.load(RECIPE)
    best = spec.trial.settings(ToyConfig).learning_rate

    def needed(off: float | None, seed: int) -> int:
        priors = [] if off is None else [_rate(best * off)]
        return trials_needed("tpe", seed, with_priors(spec, priors), at_once)

    return needed


def table(found: Table) -> Needed:
    """A table, to the best fiftieth of its runs; the prior is right at their mean learning rate.
    Trials are counted in whole runs of average length."""
    runs = sorted(found.rows, key=lambda row: row.best)
    good = runs[: max(3, len(runs) // 50)]
    enough = good[-1].best - found.best
    right = math.exp(mean(math.log(_rate_of(row.params)) for row in good))
    rates = [_rate_of(row.params) for row in runs]
    most = min(MOST_TRIALS, len(runs))

    def needed(off: float | None, seed: int) -> int:
        priors = [] if off is None else [_rate(min(max(right * off, min(rates)), max(rates)))]
        clock = clock_of(found, "tpe", seed, priors)
        for count in range(1, most + 1):
            if clock.replay([count])[0].loss - found.best <= enough:
                return count
        return most + 1

    return needed


def _rate_of(params: Mapping[str, Value]) -> float:
    rate = params["learning_rate"]
    assert isinstance(rate, float)
    return rate


def _rate(value: float) -> Prior:
    return Prior(name="learning_rate", value=value)


def landscapes() -> Iterator[tuple[str, Needed]]:
    """Everything that is searched: names, and what is needed there."""
    yield "toy", toy(1)
    yield "toy, 8 at once", toy(8)
    for found in (deberta().half(judges=False), deberta().half(judges=True), taskset()):
        yield found.name, table(found)
    for found in steplaw()[::4]:
        yield found.name, table(found)


def report(seeds: range, on: str) -> None:
    """Print the mean number of trials without a prior on all landscapes whose names begin so, and
    its ratio with each prior, with 95% intervals of paired bootstraps; each row once it is known.
    """
    heads = ["right", *(f"x {off:.2g}" for off in OFF[1:])]
    print(f"| | none | {' | '.join(heads)} |", "| --- " * (len(heads) + 2) + "|", sep="\n")
    for name, needed in landscapes():
        if not name.startswith(on):
            continue
        none = [needed(None, seed) for seed in seeds]
        ratios = [_ratio([needed(off, seed) for seed in seeds], none) for off in OFF]
        print(f"| {name} | {mean(none):.1f} | {' | '.join(ratios)} |", flush=True)


def _ratio(some: list[int], none: list[int]) -> str:
    pairs = np.asarray([some, none], dtype=float)
    draws = np.random.default_rng(0).integers(pairs.shape[1], size=(2000, pairs.shape[1]))
    ratios = pairs[0][draws].mean(axis=1) / pairs[1][draws].mean(axis=1)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return f"{pairs[0].mean() / pairs[1].mean():.2f} ({low:.2f}, {high:.2f})"
