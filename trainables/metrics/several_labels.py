"""Quality of several labels for a text, beside the means over labels in classes.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.metrics.metric import Measured, Metric

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_CLASSIFICATION = ("classification",)
_SEVERAL = ("multi_label",)


def f1(truth: Floats, predicted: Floats) -> float:
    """2 hits / (true + predicted marks); 0 if there is neither."""
    marks = float(truth.sum() + predicted.sum())
    return 2 * float((truth * predicted).sum()) / marks if marks else 0.0


def best_threshold(truth: Floats, probabilities: Floats) -> float:
    """The threshold with the best F1 for one label; 0.5 if no label is true.

    0.5 if that is as good; else halfway between two probabilities, the nearest to 0.5.
    """
    import numpy as np

    if not truth.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], np.cumsum(truth[order])
    scores = 2 * hits / (np.arange(1, len(hits) + 1) + truth.sum())
    ends = np.append(ranked[1:] < ranked[:-1], True)  # equal probabilities are on one side
    below = np.append(ranked[1:], 0.0)
    at = (ranked + below) / 2
    best = ends & (scores == scores[ends].max())
    if (best & (ranked >= 0.5) & (below < 0.5)).any():
        return 0.5
    return float(at[best][np.abs(at[best] - 0.5).argmin()])


def _micro_f1(measured: Measured) -> float:
    return f1(measured.columns["truth"], measured.columns["predicted"])


def _subset_accuracy(measured: Measured) -> float:
    same = measured.columns["truth"] == measured.columns["predicted"]
    return float(same.all(axis=1).mean())


MICRO_F1 = Metric("eval_micro_f1", "max", "share", _CLASSIFICATION, _micro_f1, targets=_SEVERAL)
SUBSET_ACCURACY = Metric(
    "eval_subset_accuracy", "max", "share", _CLASSIFICATION, _subset_accuracy, targets=_SEVERAL
)
