"""The metric class and its measurements. Light: numpy is imported where it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Mode = Literal["min", "max"]
"""Whether a smaller or a larger value of a metric is better."""

COLUMN = "column."
"""Prefix of the names of `Measured.columns` in a file of losses."""


@dataclass(frozen=True)
class Measured:
    """A model's measurements on a data set.

    `losses` [examples] are sums over `counts` terms each, in nats for losses of probabilities.
    Further `columns` are the objective's: `correct` (target tokens that were the likeliest);
    `bytes` (of the text of the target tokens); `truth` and `predicted` (classes, of `classes`; or
    marks of each label), or `predicted` and `given` numbers; `margin`, or `reward` and `given`; the
    rewards of `chosen` and `rejected` answers; `divergence` (from the reference).
    """

    losses: Floats
    counts: Floats
    columns: Mapping[str, Floats]

    @property
    def loss(self) -> float:
        """The mean over all terms."""
        return float(self.losses.sum() / self.counts.sum())

    @cached_property
    def ranking(self) -> tuple[float, float]:
        """(accuracy, margin) of the rewards' ranking: over given pairs, or over all pairs of
        examples with different given rewards."""
        from trainables.metrics.ranking import pair_accuracy, ranking

        margins = self.columns.get("margin")
        if margins is None:
            return ranking(self.columns["reward"], self.columns["given"])
        return pair_accuracy(margins), float(margins.mean())

    @cached_property
    def of_classes(self) -> tuple[Floats, Floats, Floats]:
        """Precision, recall and F1 of each class or label, from `truth` and `predicted`."""
        from sklearn.metrics import precision_recall_fscore_support

        truth = self.columns["truth"].astype(int)
        count = truth.shape[1] if truth.ndim > 1 else len(self.columns["classes"])
        precision, recall, f1, _ = precision_recall_fscore_support(
            truth,
            self.columns["predicted"].astype(int),
            labels=range(count),
            zero_division=0.0,
        )
        return precision, recall, f1


@dataclass(frozen=True)
class Metric:
    """A number measured in trials of some `objectives`, from their measurements.

    `value` is None for metrics measured outside the validation set.
    The registry finds module-level instances in this package.
    """

    name: str
    mode: Mode
    unit: str
    objectives: tuple[str, ...]
    value: Callable[[Measured], float] | None = None
    needs: str | None = None
    """The required field or section of a sweep file: data.general."""
    targets: tuple[str, ...] = ()
    """The targets of classification for which it is measured; empty: no matter which."""
    column: str | None = None
    """The column without which it cannot be computed, if not all sets have it."""
    parts: Callable[[Measured], tuple[Floats, Floats] | None] | None = None
    """Each example's sum and count, where the metric is the ratio of their totals."""
