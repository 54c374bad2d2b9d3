"""A measured model's values by validation example, from what is on disk of each example."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from results.ranking.certainty import LossesError, load_sequence_losses
from results.ranking.paired_values import load_prompt_values
from sweeps.verdict.measured import load_measured
from trainables.board.job import ANSWERS, LOSSES
from trainables.metrics.registry import GENERATED, METRICS
from trainables.training.generation.files import VALUES

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats


def values_by_example(metric: str, place: Path) -> Floats | None:
    """Values [examples] whose mean is the metric's value, from the measurements in `place`.

    None for a metric that has none, such as F1, or if they are not on disk or not finite.
    """
    try:
        values = _values(metric, place)
    except (LossesError, KeyError):  # an older sweep has no columns on disk
        return None
    return values if values is not None and np.isfinite(values).all() else None


def _values(metric: str, place: Path) -> Floats | None:
    if metric == "eval_loss":
        losses = load_sequence_losses(place / LOSSES)
        return around_ratio(losses.loss_sums, losses.token_counts.astype(float))
    known = METRICS.get(metric)
    if known is None or metric in GENERATED:
        found = load_prompt_values(place / ANSWERS / VALUES, metric)
        return found.values if found else None
    parts = known.parts(load_measured(place / LOSSES)) if known.parts else None
    return around_ratio(*parts) if parts else None


def around_ratio(sums: Floats, counts: Floats) -> Floats:
    """Values whose mean is `sums.sum() / counts.sum()`, to first order in the counts.

    The residuals of Cochran's ratio (see certainty.py) around that ratio.
    """
    total = float(counts.sum())
    ratio = float(sums.sum()) / total
    values: Floats = ratio + (sums - ratio * counts) * (len(sums) / total)
    return values
