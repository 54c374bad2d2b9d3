"""A classifier's labels per example: precision, recall and F1 of each label, and confusions."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.ranking.certainty import LossesError


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label: the number of examples that have it, and how well it was predicted."""

    label: str
    count: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Examples of one label that were predicted as another: their number and summed loss."""

    truth: str
    predicted: str
    count: int
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One model on the validation set, example by example.

    `truth` and `predicted` are places in `labels` (n,), or marks of each label (n, labels);
    `losses` (n,) are in nats.
    """

    labels: Sequence[str]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    losses: NDArray[np.float64]

    def scores(self) -> list[LabelScore]:
        """Each label's score; 0 where a label is never predicted or never true."""
        from sklearn.metrics import precision_recall_fscore_support

        each = precision_recall_fscore_support(
            self.truth, self.predicted, labels=range(len(self.labels)), zero_division=0.0
        )
        return [
            LabelScore(label, int(count), float(precision), float(recall), float(f1))
            for label, precision, recall, f1, count in zip(self.labels, *each, strict=True)
        ]

    def confusions(self) -> list[Confusion]:
        """Pairs of true and predicted label, those with the largest summed loss first.

        Empty where an example may have several labels: none of them then stands for another.
        """
        if self.truth.ndim > 1:
            return []
        wrong = self.truth != self.predicted
        pairs = np.stack([self.truth[wrong], self.predicted[wrong]], axis=1)
        kinds, places = np.unique(pairs, axis=0, return_inverse=True)
        counts = np.bincount(places.ravel(), minlength=len(kinds))
        losses = np.bincount(places.ravel(), self.losses[wrong], minlength=len(kinds))
        found = [
            Confusion(self.labels[truth], self.labels[predicted], int(count), float(loss))
            for (truth, predicted), count, loss in zip(kinds, counts, losses, strict=True)
        ]
        return sorted(found, key=lambda each: (-each.loss, each.truth, each.predicted))


def load_labelled(path: Path) -> Labelled | None:
    """The labels in a file of losses; None if it has none. LossesError names a bad file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "labels" not in arrays:
                return None
            return Labelled(
                [str(label) for label in arrays["labels"]],
                arrays["truth"].astype(np.int64),
                arrays["predicted"].astype(np.int64),
                arrays["loss_sums"].astype(np.float64),
            )
    except (KeyError, OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise LossesError(f"{path}: {error}") from error
