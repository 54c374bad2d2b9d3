"""Differences in metrics of the validation examples, from what is on disk of each example."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.ranking.certainty import Difference, LossesError, SequenceLosses, paired_difference
from results.ranking.paired_values import PromptValues, difference_of_values
from results.ranking.resampled import resampled_difference
from trainables.metrics.metric import COLUMN, Measured, Metric

_MOST_COMPARED = 1000
"""Examples up to which all pairs of them are compared again and again."""

_WHOLE = "classes"
"""A column that is not one of examples."""


def measured_difference(metric: Metric, mine: Path, theirs: Path) -> Difference | None:
    """The difference of two models in a metric, paired over examples; None if it is not known."""
    if metric.value is None:
        return None
    try:
        first, second = load_measured(mine), load_measured(theirs)
        if len(first.losses) != len(second.losses):
            return None
        parts = metric.parts(first) if metric.parts else None
        others = metric.parts(second) if metric.parts else None
        if parts and others:
            return _of_ratios(parts, others)
        if "given" in first.columns and len(first.losses) > _MOST_COMPARED:
            return None
        return resampled_difference(
            lambda places: _value(metric, first, places),
            lambda places: _value(metric, second, places),
            len(first.losses),
        )
    except (LossesError, KeyError):  # an older sweep has no columns on disk
        return None


def load_measured(file: Path) -> Measured:
    """The measurements in a file of losses; LossesError if it cannot be read."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            names = [name for name in arrays if name.startswith(COLUMN)]
            columns = {name.removeprefix(COLUMN): arrays[name] for name in names}
            counts = arrays["token_counts"].astype(float)
            return Measured(arrays["loss_sums"].astype(float), counts, columns)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise LossesError(f"{file}: {error}") from error


def _of_ratios(
    mine: tuple[NDArray[np.float64], NDArray[np.float64]],
    theirs: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Difference:
    """Exact for means; right and wrong by McNemar's test."""
    (sums, counts), (other_sums, other_counts) = mine, theirs
    if not (counts == 1).all():
        first = SequenceLosses(sums, counts.astype(np.int64))
        return paired_difference(first, SequenceLosses(other_sums, other_counts.astype(np.int64)))
    places = np.arange(len(sums))
    return difference_of_values(PromptValues(places, sums), PromptValues(places, other_sums))


def _value(metric: Metric, measured: Measured, places: NDArray[np.int64]) -> float:
    assert metric.value, "checked before"
    columns = {
        name: column if name == _WHOLE else column[places]
        for name, column in measured.columns.items()
        if name == _WHOLE or len(column) == len(measured.losses)
    }
    return metric.value(Measured(measured.losses[places], measured.counts[places], columns))
