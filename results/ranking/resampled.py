"""Certainty of a difference in a metric that is no mean, by the paired bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from results.ranking.certainty import Difference, LossesError

RESAMPLES = 400
"""Enough for two digits of a standard error (Efron and Tibshirani 1993, chapter 6)."""

Statistic = Callable[[NDArray[np.int64]], float]
"""The metric over the examples with these numbers, some of them repeated."""


def resampled_difference(a: Statistic, b: Statistic, count: int) -> Difference:
    """The metric of a minus that of b, and its standard error over examples drawn anew.

    Both models are measured on the same draw, and the draws are always the same.
    """
    if count < 2:
        raise LossesError("a standard error needs at least two examples")
    everything = np.arange(count)
    mean = a(everything) - b(everything)
    source = np.random.default_rng(0)
    draws = (source.integers(0, count, count) for _ in range(RESAMPLES))
    error = float(np.std([a(draw) - b(draw) for draw in draws], ddof=1))
    if not math.isfinite(mean) or not math.isfinite(error):
        raise LossesError("a metric is NaN or infinite")
    z = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
    return Difference(mean, error, z, count)
