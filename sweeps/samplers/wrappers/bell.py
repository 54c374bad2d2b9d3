"""A normal distribution around a value of a parameter, on the parameter's own scale."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from statistics import NormalDist
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from results.records.prior import FACTOR

_SHARE_OF_RANGE = 0.1
"""The standard deviation on a linear scale, in the parameter's range; on a log scale, FACTOR."""


class Bell:
    """The distribution around `value`, which a parameter of numbers has, cut off at its bounds.

    The scale of a choice is logarithmic if all options are positive.
    """

    def __init__(self, value: float, distribution: BaseDistribution) -> None:
        self._domain = distribution
        if isinstance(distribution, CategoricalDistribution):
            low, high = min(distribution.choices), max(distribution.choices)  # type: ignore[type-var]
            log = low > 0  # type: ignore[operator]
        else:
            assert isinstance(distribution, FloatDistribution | IntDistribution)
            low, high, log = distribution.low, distribution.high, distribution.log
        self._log = log
        self._low, self._high = self._scaled(low), self._scaled(high)
        spread = math.log(FACTOR) if log else _SHARE_OF_RANGE * (self._high - self._low)
        self._normal = NormalDist(self._scaled(value), spread or 1.0)

    def away(self, value: float) -> float:
        """The distance of a value in standard deviations."""
        return abs(self._normal.zscore(self._scaled(value)))

    def quantile(self, share: float) -> Any:
        """The value below which this share (0 to 1) is, in Optuna's terms. Options have their
        densities."""
        if isinstance(self._domain, CategoricalDistribution):
            return self._option(self._domain.choices, share)
        assert isinstance(self._domain, FloatDistribution | IntDistribution)
        return self._number(self._domain, share)

    def _scaled(self, value: Any) -> float:
        return math.log(value) if self._log else float(value)

    def _number(self, domain: FloatDistribution | IntDistribution, share: float) -> float:
        if domain.low == domain.high:
            return domain.low
        first, last = self._normal.cdf(self._low), self._normal.cdf(self._high)
        within = min(max(first + share * (last - first), 1e-12), 1 - 1e-12)
        found = self._normal.inv_cdf(within)
        found = min(max(math.exp(found) if self._log else found, domain.low), domain.high)
        if domain.step is not None and not domain.log:
            found = domain.low + round((found - domain.low) / domain.step) * domain.step
        return round(found) if isinstance(domain, IntDistribution) else found

    def _option(self, options: Sequence[Any], share: float) -> Any:
        weights = list(accumulate(self._normal.pdf(self._scaled(option)) for option in options))
        return options[min(bisect(weights, share * weights[-1]), len(options) - 1)]
