"""Any number of labels per text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from trainables.data.tokens.examples import Examples, MarkArray
from trainables.losses.batch import Batch
from trainables.losses.forward import output_of
from trainables.losses.loss import Floats, RowLoss
from trainables.metrics.classes import f1_of_each, labelled, named_after
from trainables.metrics.metric import Measured
from trainables.metrics.several_labels import best_threshold

THRESHOLD = "eval_threshold/"
"""Prefix of the tuned threshold of each label."""


class SeveralLabels(RowLoss):
    """Binary cross entropy of each label. `positive_weights` [labels] apply only to training.

    Tuned thresholds are those of the last set measured, or of the one before `keep_thresholds`.
    """

    objective = "classification"
    target = "multi_label"

    def __init__(
        self,
        positive_weights: torch.Tensor,
        labels: Sequence[str],
        threshold: float | Literal["tuned"],
    ) -> None:
        self.columns = len(labels) + 1
        self.tuned = threshold == "tuned"
        self._positive_weights = positive_weights
        self._labels = labels
        self._thresholds = None if threshold == "tuned" else np.full(len(labels), threshold)
        self._kept = False

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[examples, labels]."""
        return _logits(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The weighted mean over examples of the mean over labels."""
        self._positive_weights = self._positive_weights.to(outputs.device)  # once, as it blocks
        return (_losses(outputs, batch, self._positive_weights) * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The mean over labels of the loss in nats, and the probability of each label."""
        logits = _logits(model, batch)
        return torch.cat([_losses(logits, batch)[:, None], logits.sigmoid()], dim=1)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """True and predicted labels of each example, as 0 and 1."""
        losses, probabilities = rows[:, 0], rows[:, 1:]
        assert examples.marks is not None, "examples of several labels"
        truth = examples.marks.astype(np.float64)
        predicted = (probabilities >= self._tuned_on(truth, probabilities)).astype(np.float64)
        columns = {"truth": truth, "predicted": predicted}
        return Measured(losses, np.ones_like(losses), columns)

    def metrics(self, measured: Measured) -> dict[str, float]:
        """The objective's metrics, the F1 of each label, and the thresholds if they are tuned."""
        found = {**super().metrics(measured), **f1_of_each(measured, self._labels)}
        if self.tuned and self._thresholds is not None:
            names = named_after(THRESHOLD, self._labels)
            found |= zip(names, self._thresholds.tolist(), strict=False)
        return found

    def labelled(self, measured: Measured) -> Mapping[str, NDArray[Any]]:
        """Marks of each example, the true and the predicted ones: [examples, labels]."""
        return labelled(measured, self._labels)

    def keep_thresholds(self) -> None:
        """Use the thresholds of the last measured set for all further ones."""
        self._kept = True

    def _tuned_on(self, truth: Floats, probabilities: Floats) -> Floats:
        if self.tuned and not self._kept:
            self._thresholds = np.array(
                [best_threshold(*each) for each in zip(truth.T, probabilities.T, strict=True)]
            )
        assert self._thresholds is not None, "given or tuned"
        return self._thresholds


def balanced_marks(marks: MarkArray) -> NDArray[np.float32]:
    """For each label, rows without it / rows with it."""
    with_it = marks.astype(np.float64).sum(axis=0)
    ratios: NDArray[np.float64] = (len(marks) - with_it) / np.maximum(with_it, 1)
    return ratios.clip(min=1e-6).astype(np.float32)


def _logits(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return output_of(model, batch).float()


def _losses(
    logits: torch.Tensor, batch: Batch, positive_weights: torch.Tensor | None = None
) -> torch.Tensor:
    return binary_cross_entropy_with_logits(
        logits, batch["label"].float(), pos_weight=positive_weights, reduction="none"
    ).mean(dim=1)
