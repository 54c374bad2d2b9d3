"""Chances that one of several means is the best, given how far they vary by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""The chance with which the best of the confirmed trials is among those called tied."""

_GRID = 400


def chances_of_best(means: Sequence[float], error: float, freedom: float) -> list[float]:
    """For each mean, where less is better, the probability that its trial is the best of them.

    The posterior under a flat prior: means independent around the true ones, with one standard
    error that is itself estimated with `freedom` degrees of freedom (Student's t where there are
    two). Equal means share the chance.
    """
    values = np.asarray(means, dtype=float)
    if error == 0.0:
        best = values == values.min()
        return [float(each) for each in best / best.sum()]
    scales, weights = _scales(freedom)
    z, density = _normal()
    found = np.zeros(len(values))
    for scale, weight in zip(error / scales, weights, strict=True):
        # A trial is the best if all others lie above the value that it takes.
        for place, mean in enumerate(values):
            others = np.delete(values, place)
            above = _cdf((others[:, None] - mean) / scale - z[None, :])
            found[place] += weight * float(density @ above.prod(axis=0))
    return [float(each) for each in found / found.sum()]


def tie_distance(count: int, error: float, freedom: float) -> float:
    """The lead up to which a mean counts as tied with the best of `count`.

    Those within it contain the truly best with a probability of at least CONFIDENCE: the subset
    selection of Gupta (1965, "On Some Multiple Decision (Selection and Ranking) Rules").
    """
    return _critical(count, freedom) * error if count > 1 else 0.0


@cache
def _critical(count: int, freedom: float) -> float:
    """The quantile of (the best of the others - the true best) / standard error."""
    from scipy.optimize import brentq

    scales, weights = _scales(freedom)
    z, density = _normal()

    def lacking(distance: float) -> float:
        reached = _cdf(z[None, :] + distance * scales[:, None]) ** (count - 1)
        return float(weights @ (reached @ density)) - CONFIDENCE

    return float(brentq(lacking, 0.0, 1e4))


def _scales(freedom: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The estimated standard error over the true one, sqrt(chi2 / freedom): its quantiles."""
    from scipy.stats import chi2

    at = (np.arange(_GRID) + 0.5) / _GRID
    return np.sqrt(chi2.ppf(at, freedom) / freedom), np.full(_GRID, 1.0 / _GRID)


def _normal() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of the standard normal distribution and their weights."""
    z = np.linspace(-6.0, 6.0, _GRID + 1)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    return z, density / density.sum()


def _cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    found: NDArray[np.float64] = ndtr(x)
    return found
