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


def median_interval(regrets: Sequence[float]) -> Interval:
    """The median regret with its interval."""
    values = np.asarray(regrets)
    draws = np.random.default_rng(0).integers(len(values), size=(_DRAWS, len(values)))
    low, high = np.percentile(np.median(values[draws], axis=1), (2.5, 97.5))
    return Interval(float(np.median(values)), float(low), float(high))


def mean_ranks(regrets: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """The mean rank of each way, from 1 for the best, over tables and seeds: {table: {way: ...}}.

    Only the seeds that all ways of a table have are ranked; ways that lack a table are left out.
    """
    ways = [way for way in _first(regrets) if all(way in each for each in regrets.values())]
    ranks: list[NDArray[np.float64]] = []
    for table in regrets.values():
        seeds = min(len(table[way]) for way in ways)
        ranks.append(stats.rankdata([table[way][:seeds] for way in ways], axis=0).mean(axis=1))
    return dict(zip(ways, np.mean(ranks, axis=0).tolist(), strict=True))


def against(base: str, regrets: Mapping[str, Sequence[float]]) -> dict[str, Pairs]:
    """Every other way against `base`."""
    found: dict[str, tuple[float, float]] = {}
    for way, values in regrets.items():
        if way == base:
            continue
        seeds = min(len(values), len(regrets[base]))
        mine, theirs = np.asarray(values[:seeds]), np.asarray(regrets[base][:seeds])
        won = float((mine < theirs).mean() + (mine == theirs).mean() / 2)
        differ = bool((mine != theirs).any())
        p = float(stats.wilcoxon(mine, theirs).pvalue) if differ else 1.0
        found[way] = (won, p)
    corrected = holm([p for _, p in found.values()])
    return {way: Pairs(won, p) for (way, (won, _)), p in zip(found.items(), corrected, strict=True)}


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979)."""
    corrected, largest = [math.nan] * len(values), 0.0
    for place, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - place) * values[index]))
        corrected[index] = largest
    return corrected


def _first(regrets: Mapping[str, Mapping[str, Sequence[float]]]) -> Sequence[str]:
    return list(next(iter(regrets.values())))
