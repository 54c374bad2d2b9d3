"""Classification quality. Precision, recall and F1 are plain means over the classes.

A class that is never predicted, or never true, counts as 0 where that is the divisor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from trainables.metrics.metric import Measured, Metric

_CLASSIFICATION = ("classification",)

CLASS_METRIC = "eval_f1/"
"""Prefix of the F1 metric of each class in the data; higher is better."""

MOST_NAMED = 20
"""Maximum number of classes with an F1 metric for each."""


def f1_names(labels: Sequence[str]) -> tuple[str, ...]:
    """`eval_f1/LABEL` for each class, in characters valid in MLflow; by number if names clash.

    Empty if there are more than MOST_NAMED.
    """
    if len(labels) > MOST_NAMED:
        return ()
    names = [re.sub(r"[^\w -]", "_", label)[:50].strip() for label in labels]
    if not all(names) or len({name.lower() for name in names}) < len(names):
        names = [str(number) for number in range(len(labels))]
    return tuple(f"{CLASS_METRIC}{name}" for name in names)


def f1_of_each(measured: Measured, labels: Sequence[str]) -> dict[str, float]:
    """The F1 of each class, by its metric's name."""
    return dict(zip(f1_names(labels), measured.of_classes[2].tolist(), strict=False))


def _accuracy(measured: Measured) -> float:
    return float((measured.columns["truth"] == measured.columns["predicted"]).mean())


def _macro(part: int) -> Callable[[Measured], float]:
    return lambda measured: float(measured.of_classes[part].mean())


ACCURACY = Metric("eval_accuracy", "max", "share", _CLASSIFICATION, _accuracy)
MACRO_PRECISION = Metric("eval_macro_precision", "max", "share", _CLASSIFICATION, _macro(0))
MACRO_RECALL = Metric("eval_macro_recall", "max", "share", _CLASSIFICATION, _macro(1))
MACRO_F1 = Metric("eval_macro_f1", "max", "share", _CLASSIFICATION, _macro(2))
