"""Certainty of a difference between two models, from their losses on the same sequences."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class LossesError(ValueError):
    """Losses per sequence that cannot be read or compared."""


@dataclass(frozen=True, slots=True, eq=False)
class SequenceLosses:
    """One model on the validation set, sequence by sequence.

    `loss_sums` (n,) is the summed loss of a sequence's tokens, in nats; `token_counts` (n,) is the
    number of tokens measured in it.
    """

    loss_sums: NDArray[np.float64]
    token_counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        sums, counts = self.loss_sums.shape, self.token_counts.shape
        if len(sums) != 1 or sums != counts:
            raise LossesError(
                f"loss_sums {sums} and token_counts {counts} must be flat and equally long"
            )
        if (self.token_counts < 0).any() or self.token_counts.sum() == 0:
            raise LossesError("token_counts must not be negative, and not all zero")


@dataclass(frozen=True, slots=True)
class Difference:
    """Loss of a minus loss of b, in nats per token: negative when a is better.

    `z` is the mean in standard errors; 0 when both are zero. `count` is the number of sequences.
    """

    mean: float
    standard_error: float
    z: float
    count: int


def paired_difference(a: SequenceLosses, b: SequenceLosses) -> Difference:
    """The difference in mean loss per token, with its standard error over sequences.

    Tokens of one sequence are not independent, so the sequence is the unit: with d_i the
    difference of loss sums and t_i the tokens of sequence i, the estimate R = sum(d) / sum(t) is a
    ratio of two sums, whose variance to first order is n/(n-1) * sum((d_i - R t_i)^2) / sum(t)^2
    (Cochran 1977, "Sampling Techniques", chapter 6). Up to n/(n-1) it is the clustered standard
    error of paired differences in Miller 2024, "Adding Error Bars to Evals", arXiv:2411.00640.
    Pairing matters: hard sequences are hard for both models, and that common part cancels.
    """
    _check_comparable(a, b)
    count = len(a.loss_sums)
    tokens = a.token_counts.sum()
    differences = a.loss_sums - b.loss_sums
    mean = float(differences.sum() / tokens)
    residuals = differences - mean * a.token_counts
    error = math.sqrt(count / (count - 1) * float(residuals @ residuals)) / float(tokens)
    return Difference(mean, error, _z(mean, error), count)


def standard_error(losses: SequenceLosses) -> float:
    """The standard error of the mean loss per token: its difference from a loss of zero."""
    nothing = SequenceLosses(np.zeros_like(losses.loss_sums), losses.token_counts)
    return paired_difference(losses, nothing).standard_error


def load_sequence_losses(path: Path) -> SequenceLosses:
    """Read an .npz file with the arrays `loss_sums` and `token_counts`; LossesError names it."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return SequenceLosses(
                arrays["loss_sums"].astype(np.float64), arrays["token_counts"].astype(np.int64)
            )
    except KeyError as error:
        raise LossesError(f"{path}: {error.args[0]}") from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise LossesError(f"{path}: {error}") from error


def _check_comparable(a: SequenceLosses, b: SequenceLosses) -> None:
    if len(a.loss_sums) != len(b.loss_sums):
        raise LossesError(f"{len(a.loss_sums)} sequences cannot be paired with {len(b.loss_sums)}")
    if len(a.loss_sums) < 2:
        raise LossesError("a standard error needs at least two sequences")
    unequal = np.flatnonzero(a.token_counts != b.token_counts)
    if unequal.size:
        i = unequal[0]
        raise LossesError(
            f"sequence {i} has {a.token_counts[i]} tokens in one and {b.token_counts[i]} in the "
            "other; measure both models on the same sequences"
        )
    if not (np.isfinite(a.loss_sums).all() and np.isfinite(b.loss_sums).all()):
        raise LossesError("a loss is NaN or infinite; a diverged model cannot be compared")


def _z(mean: float, error: float) -> float:
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0
