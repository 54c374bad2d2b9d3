"""Quality of a choice among labels. Precision, recall and F1 are plain means over the labels.

A label that is never predicted, or never true, counts as 0 where that is the divisor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from trainables.core.data_error import printable
from trainables.metrics.metric import Measured, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainables.metrics.metric import Floats

_CLASSIFICATION = ("classification",)
_ONE = ("single_label",)
_LABELS = ("single_label", "multi_label")

CLASS_METRIC = "eval_f1/"
"""Prefix of the F1 metric of each label in the data; higher is better."""

_LONGEST = 100
"""Maximum characters of a label in a metric's name."""

MOST_NAMED = 20
"""Maximum number of labels with an F1 metric for each."""


def f1_names(labels: Sequence[str]) -> tuple[str, ...]:
    """`eval_f1/LABEL` for each label, as written; empty if there are more than MOST_NAMED."""
    return named_after(CLASS_METRIC, labels)


def named_after(prefix: str, labels: Sequence[str]) -> tuple[str, ...]:
    """A metric's name for each label: runs of spaces become one, and equal names are numbered."""
    if len(labels) > MOST_NAMED:
        return ()
    names, seen = [], Counter[str]()
    for label in labels:
        name = printable(" ".join(label.split())[:_LONGEST])
        seen[name] += 1
        names.append(f"{prefix}{name} ({seen[name]})" if seen[name] > 1 else f"{prefix}{name}")
    return tuple(names)


def f1_of_each(measured: Measured, labels: Sequence[str]) -> dict[str, float]:
    """The F1 of each label, by its metric's name."""
    return dict(zip(f1_names(labels), measured.of_classes[2].tolist(), strict=False))


def labelled(measured: Measured, labels: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays to keep of a classifier: `truth` and `predicted` of each example, and the `labels`."""
    import numpy as np

    columns = {name: measured.columns[name].astype(np.int32) for name in ("truth", "predicted")}
    return {**columns, "labels": np.array([printable(label) for label in labels], dtype=str)}


def _accuracy(measured: Measured) -> float:
    return float((measured.columns["truth"] == measured.columns["predicted"]).mean())


def _hits(measured: Measured) -> tuple[Floats, Floats]:
    hits = (measured.columns["truth"] == measured.columns["predicted"]).astype(float)
    return hits, hits * 0 + 1


def _macro(part: int) -> Callable[[Measured], float]:
    return lambda measured: float(measured.of_classes[part].mean())


ACCURACY = Metric(
    "eval_accuracy", "max", "share", _CLASSIFICATION, _accuracy, targets=_ONE, parts=_hits
)
MACRO_PRECISION = Metric(
    "eval_macro_precision", "max", "share", _CLASSIFICATION, _macro(0), targets=_LABELS
)
MACRO_RECALL = Metric(
    "eval_macro_recall", "max", "share", _CLASSIFICATION, _macro(1), targets=_LABELS
)
MACRO_F1 = Metric("eval_macro_f1", "max", "share", _CLASSIFICATION, _macro(2), targets=_LABELS)
