"""How long a trial will take, learned from the sweep's own trials. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from results.records.record import TrialRecord

_TIMELESS = frozenset(
    {
        *("learning_rate", "schedule", "decay_fraction", "warmup_fraction", "floor_fraction"),
        *("weight_decay", "beta", "beta1", "beta2", "gamma", "epsilon", "max_grad_norm"),
        *("label_smoothing", "neftune_noise", "dropout", "alpha", "rslora", "learning_rate_ratio"),
        *("desirable_weight", "undesirable_weight", "class_weights", "threshold", "temperature"),
    }
)
"""Last parts of the names of fields that do not change a trial's time."""

_NOISE = 0.1
"""Spread of the logarithm of the time of equal trials, as far as it is known before any ended."""

_EFFECT = {"method": 0.7}
_OTHER_EFFECT = 0.35
"""Spread of the effect of a field on that logarithm: of a choice, or of a factor of 16."""

_MOST = math.log(3.0)
"""The most by which a bound exceeds what is expected: doubts about an untried value have an end."""

_WEIGHT = 4.0
"""The weight of `_NOISE`, in degrees of freedom."""


@dataclass(frozen=True)
class Seconds:
    """The seconds of a whole trial: those expected, and a bound."""

    expected: float
    bound: float


class Forecast:
    """Bayesian linear regression of the logarithm of a trial's seconds on its searched values.

    A trial that has been measured counts with its seconds per share of its budget, so that pruned
    and running ones count, too. `sure` is the probability of staying below the bound.
    """

    def __init__(self, records: Sequence[TrialRecord], sure: float = 0.9) -> None:
        known = [(each.params, whole_seconds(each)) for each in records]
        seen = [(params, seconds) for params, seconds in known if seconds]
        self._overhead = _overhead(records)
        self._sure = sure
        self._names = list(dict.fromkeys(name for params, _ in seen for name in _features(params)))
        self._count = len(seen)
        if seen:
            self._fit(
                np.array([self._row(params) for params, _ in seen]),
                np.log([seconds for _, seconds in seen]),
            )

    def of(self, params: Mapping[str, object]) -> Seconds | None:
        """The seconds of a trial with these params; None before the first measurement."""
        if not self._count:
            return None
        row, new = self._row(params), self._spread_of_new(params)
        mean = float(row @ self._mean)
        variance = self._noise * (1.0 + float(row @ self._covariance @ row) + new)
        bound = mean + min(_MOST, _student(self._sure, self._freedom) * math.sqrt(variance))
        return Seconds(math.exp(mean) + self._overhead, math.exp(bound) + self._overhead)

    def _fit(self, rows: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """The posterior of a normal-inverse-gamma prior; the intercept is free."""
        prior = np.diag([1e-6, *(1.0 / self._prior(name) for name in self._names)])
        self._covariance = np.linalg.inv(prior + rows.T @ rows)
        middle = float(values.mean())  # so that the free intercept is near zero
        self._mean = self._covariance @ rows.T @ (values - middle)
        self._freedom = _WEIGHT + len(values)
        squares = float(((values - middle - rows @ self._mean) ** 2).sum())
        shrunk = float(self._mean @ prior @ self._mean)
        self._noise = (_WEIGHT * _NOISE**2 + squares + shrunk) / self._freedom
        self._mean[0] += middle

    def _row(self, params: Mapping[str, object]) -> NDArray[np.float64]:
        found = _features(params)
        return np.array([1.0, *(found.get(name, 0.0) for name in self._names)])

    def _prior(self, feature: str) -> float:
        """The variance of a feature's effect, in units of the noise's."""
        return (_EFFECT.get(feature.partition("=")[0], _OTHER_EFFECT) / _NOISE) ** 2

    def _spread_of_new(self, params: Mapping[str, object]) -> float:
        """The variance due to values that no trial so far has had."""
        new = {name: x for name, x in _features(params).items() if name not in self._names}
        return sum(x * x * self._prior(name) for name, x in new.items())


def whole_seconds(record: TrialRecord) -> float | None:
    """The seconds of a trial at its whole budget, by its last measurement."""
    share = share_done(record)
    return record.whole_seconds / share if share and record.seconds > 0 else None


def share_done(record: TrialRecord) -> float:
    """The share of its budget that a trial had at its last measurement."""
    last, points = record.last(), record.config.get("budget.evaluations")
    return last.point / points if last and isinstance(points, int) and points else 0.0


def _overhead(records: Sequence[TrialRecord]) -> float:
    """Seconds of a trial beside its training, such as waiting for its slot and saving."""
    found = [
        max(0.0, each.ended - each.started - each.seconds)
        for each in records
        if each.started and each.ended and each.seconds and each.attempts <= 1
    ]
    return median(found) if found else 0.0


def _features(params: Mapping[str, object]) -> dict[str, float]:
    """What of a trial's params may change its time: choices, and numbers by their logarithm."""
    found: dict[str, float] = {}
    for name, value in params.items():
        if name.rpartition(".")[2] in _TIMELESS:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            found[name] = math.log2(value) / 4.0
        else:
            found[f"{name}={value}"] = 1.0
    return found


def _student(probability: float, freedom: float) -> float:
    """The quantile of Student's t, by its expansion about the normal one."""
    z = NormalDist().inv_cdf(probability)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
