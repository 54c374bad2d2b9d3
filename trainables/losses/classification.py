"""One label per text, from the model's own head (AutoModelForSequenceClassification)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.forward import output_of
from trainables.losses.loss import Floats, RowLoss
from trainables.metrics.classes import f1_of_each, labelled
from trainables.metrics.metric import Measured


class Classification(RowLoss):
    """Cross entropy over the classes. `class_weights` [classes] apply only to the training loss."""

    objective = "classification"
    target = "single_label"
    columns = 2

    def __init__(self, class_weights: torch.Tensor, labels: Sequence[str]) -> None:
        self._class_weights = class_weights
        self._labels = labels

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[examples, classes]."""
        return _logits(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The weighted mean over examples; class weights average to 1 over the train set."""
        labels = batch["label"].long()
        losses = cross_entropy(outputs, labels, reduction="none")
        self._class_weights = self._class_weights.to(losses.device)  # once, as it blocks
        weights = self._class_weights[labels] * batch["weight"]
        return (losses * weights).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Loss in nats, and the predicted class."""
        logits = _logits(model, batch)
        losses = cross_entropy(logits, batch["label"].long(), reduction="none")
        return torch.stack([losses, logits.argmax(-1).to(losses.dtype)], dim=1)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """True and predicted class of each example."""
        losses, predicted = rows.T
        columns = {
            "truth": examples.labels.astype(int),
            "predicted": predicted.astype(int),
            "classes": np.arange(len(self._class_weights)),
        }
        return Measured(losses, np.ones_like(losses), columns)

    def metrics(self, measured: Measured) -> dict[str, float]:
        """The objective's metrics, and the F1 of each class."""
        return {**super().metrics(measured), **f1_of_each(measured, self._labels)}

    def labelled(self, measured: Measured) -> Mapping[str, NDArray[Any]]:
        """The class of each example and the predicted one, as places in `labels`."""
        return labelled(measured, self._labels)


def balanced_weights(labels: Floats, classes: int) -> NDArray[np.float32]:
    """rows / (classes * rows of each class), as scikit-learn's class_weight="balanced"."""
    counts = np.bincount(labels.astype(int), minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def _logits(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return output_of(model, batch).float()
