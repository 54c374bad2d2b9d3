"""Quality of predicted numbers. A correlation with constant numbers counts as 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainables.metrics.metric import Measured, Metric

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_CLASSIFICATION = ("classification",)
_NUMBER = ("regression",)


def pearson(predicted: Floats, given: Floats) -> float:
    """The linear correlation."""
    if min(predicted.max() - predicted.min(), given.max() - given.min()) == 0:
        return 0.0
    one, other = predicted - predicted.mean(), given - given.mean()
    one, other = one / abs(one).max(), other / abs(other).max()  # no square overflows
    return float(one @ other) / math.sqrt(float(one @ one) * float(other @ other))


def spearman(predicted: Floats, given: Floats) -> float:
    """The correlation of ranks; equal numbers share the mean of theirs."""
    from scipy.stats import rankdata

    return pearson(rankdata(predicted), rankdata(given))


def _mse(measured: Measured) -> float:
    errors = measured.columns["predicted"] - measured.columns["given"]
    return float((errors**2).mean())


def _mae(measured: Measured) -> float:
    import numpy as np

    return float(np.abs(measured.columns["predicted"] - measured.columns["given"]).mean())


MSE = Metric("eval_mse", "min", "", _CLASSIFICATION, _mse, targets=_NUMBER)
RMSE = Metric(
    "eval_rmse", "min", "", _CLASSIFICATION, lambda each: math.sqrt(_mse(each)), targets=_NUMBER
)
MAE = Metric("eval_mae", "min", "", _CLASSIFICATION, _mae, targets=_NUMBER)
PEARSON = Metric(
    "eval_pearson",
    "max",
    "",
    _CLASSIFICATION,
    lambda each: pearson(each.columns["predicted"], each.columns["given"]),
    targets=_NUMBER,
)
SPEARMAN = Metric(
    "eval_spearman",
    "max",
    "",
    _CLASSIFICATION,
    lambda each: spearman(each.columns["predicted"], each.columns["given"]),
    targets=_NUMBER,
)
