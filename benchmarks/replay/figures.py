"""Statistics of replayed searches: medians with intervals, ranks over tables, paired tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_DRAWS = 2000
"""Bootstrap samples."""


class Interval(NamedTuple):
    """A median and its 95% interval, by bootstrap over seeds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Pairs:
    """One way against another on the same seeds: share won (a tie counts as half of one), and
    Wilcoxon's two-sided p, corrected after Holm for all pairs of the comparison."""

    won: float
    p: float


BySeed = Mapping[int, float]
"""A way's regrets, by the seed of the search."""


def median_interval(regrets: BySeed) -> Interval:
    """The median regret with its interval."""
    values = np.asarray(list(regrets.values()))
    draws = np.random.default_rng(0).integers(len(values), size=(_DRAWS, len(values)))
    low, high = np.percentile(np.median(values[draws], axis=1), (2.5, 97.5))
    return Interval(float(np.median(values)), float(low), float(high))


def mean_ranks(regrets: Mapping[str, Mapping[str, BySeed]]) -> dict[str, float]:
    """The mean rank of each way, from 1 for the best, over tables and seeds: {table: {way: ...}}.

    Ways that lack a table, and seeds that one of the others lacks, are left out.
    """
    first = next(iter(regrets.values()))
    ways = [way for way in first if all(way in each for each in regrets.values())]
    ranks = [_ranks([table[way] for way in ways]) for table in regrets.values()]
    ranks = [each for each in ranks if each.size]
    means = np.mean(ranks, axis=0).tolist() if ranks else [math.nan] * len(ways)
    return dict(zip(ways, means, strict=True))


def against(base: str, regrets: Mapping[str, BySeed]) -> dict[str, Pairs]:
    """Every other way against `base`, on the seeds that both have; left out without any."""
    found: dict[str, tuple[float, float]] = {}
    for way, values in regrets.items():
        seeds = sorted(values.keys() & regrets[base].keys())
        if way == base or not seeds:
            continue
        mine, theirs = (np.asarray([each[s] for s in seeds]) for each in (values, regrets[base]))
        won = float((mine < theirs).mean() + (mine == theirs).mean() / 2)
        differ = bool((mine != theirs).any())
        p = float(stats.wilcoxon(mine, theirs).pvalue) if differ else 1.0
        found[way] = (won, p)
    corrected = holm([p for _, p in found.values()])
    return {way: Pairs(won, p) for (way, (won, _)), p in zip(found.items(), corrected, strict=True)}


def _ranks(ways: Sequence[BySeed]) -> NDArray[np.float64]:
    """The ways' mean ranks over their common seeds; empty if they have none."""
    seeds = sorted(set.intersection(*(set(way) for way in ways))) if ways else []
    table = np.asarray([[way[seed] for seed in seeds] for way in ways])
    return stats.rankdata(table, axis=0).mean(axis=1) if seeds else np.asarray([])


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979)."""
    corrected, largest = [math.nan] * len(values), 0.0
    for place, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - place) * values[index]))
        corrected[index] = largest
    return corrected
