"""Certainty of a difference between two models in a metric of their answers to the same prompts."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.ranking.certainty import Difference, LossesError


@dataclass(frozen=True, slots=True, eq=False)
class PromptValues:
    """A metric's value for each answer, and the numbers of the prompts."""

    prompts: NDArray[np.int64]
    values: NDArray[np.float64]


def load_prompt_values(path: Path, metric: str) -> PromptValues | None:
    """A metric's values in an .npz file; None if it lacks them. LossesError names a bad file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if metric not in arrays:
                return None
            return PromptValues(arrays["prompts"].astype(np.int64), arrays[metric].astype(float))
    except (KeyError, OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise LossesError(f"{path}: {error}") from error


def difference_of_values(a: PromptValues, b: PromptValues) -> Difference:
    """The mean of a minus that of b, with its standard error over prompts, paired.

    For right and wrong (1 and 0), `z` is that of McNemar's exact test: only prompts that exactly
    one of the two answers rightly tell them apart, and of those each is as likely to get any.
    """
    same_prompts(a.prompts, b.prompts)
    count = len(a.values)
    if count < 2:
        raise LossesError("a standard error needs at least two prompts")
    differences = a.values - b.values
    if not np.isfinite(differences).all():
        raise LossesError("a value is NaN or infinite")
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(count)
    binary = np.isin(np.concatenate([a.values, b.values]), (0.0, 1.0)).all()
    return Difference(mean, error, _mcnemar(differences) if binary else _z(mean, error), count)


def same_prompts(first: NDArray[np.int64], *others: NDArray[np.int64]) -> None:
    """LossesError unless all are the numbers of the same prompts."""
    if not all(np.array_equal(first, each) for each in others):
        raise LossesError("the two models did not answer the same prompts")


def _mcnemar(differences: NDArray[np.float64]) -> float:
    from scipy.stats import binomtest, norm

    won, lost = int((differences > 0).sum()), int((differences < 0).sum())
    if won == lost:
        return 0.0
    chance = binomtest(won, won + lost).pvalue
    return math.copysign(float(norm.isf(chance / 2)), won - lost)


def _z(mean: float, error: float) -> float:
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0
