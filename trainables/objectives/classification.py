"""One label for a text, read off the last token (AutoModelForSequenceClassification)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from trainables.config.metrics import CLASS_METRIC
from trainables.data.tokens.examples import Examples
from trainables.objectives.batch import Batch
from trainables.objectives.forward import head_outputs
from trainables.objectives.objective import Floats, Objective, Scores

MOST_NAMED = 20
"""Of more classes than these no F1 is given for each."""


class Classification(Objective):
    """Cross entropy over the classes. `class_weights` [classes] weigh the training loss only."""

    columns = 2

    def __init__(self, class_weights: torch.Tensor, labels: Sequence[str]) -> None:
        self._class_weights = class_weights
        self._f1_names = f1_names(labels)

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | None
    ) -> torch.Tensor:
        """The weighted mean, over examples; weights of classes average to 1 over the train set."""
        labels = batch["label"].long()
        losses = cross_entropy(_logits(model, batch), labels, reduction="none")
        self._class_weights = self._class_weights.to(losses.device)  # once: it is waited for
        weights = self._class_weights[labels] * batch["weight"]
        return (losses * weights).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Loss in nats, and the predicted class."""
        logits = _logits(model, batch)
        losses = cross_entropy(logits, batch["label"].long(), reduction="none")
        return torch.stack([losses, logits.argmax(-1).to(losses.dtype)], dim=1)

    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """Accuracy; precision, recall and F1 as plain means over the classes; the F1 of each.

        A class that is nowhere predicted, or nowhere true, counts as 0 where that is its divisor.
        """
        from sklearn.metrics import precision_recall_fscore_support

        losses, predicted = rows.T
        truth = examples.labels.astype(int)
        precision, recall, f1, _ = precision_recall_fscore_support(
            truth,
            predicted.astype(int),
            labels=range(len(self._class_weights)),
            zero_division=0.0,
        )
        metrics = {
            "eval_loss": float(losses.mean()),
            "eval_accuracy": float((truth == predicted).mean()),
            "eval_macro_precision": float(precision.mean()),
            "eval_macro_recall": float(recall.mean()),
            "eval_macro_f1": float(f1.mean()),
            **dict(zip(self._f1_names, f1.tolist(), strict=False)),
        }
        return Scores(metrics, losses, np.ones_like(losses))


def f1_names(labels: Sequence[str]) -> tuple[str, ...]:
    """`eval_f1/LABEL` for each class, in letters that MLflow takes; by number where they clash.

    None where there are more than MOST_NAMED.
    """
    if len(labels) > MOST_NAMED:
        return ()
    names = [re.sub(r"[^\w -]", "_", label)[:50].strip() for label in labels]
    if not all(names) or len({name.lower() for name in names}) < len(names):
        names = [str(number) for number in range(len(labels))]
    return tuple(f"{CLASS_METRIC}{name}" for name in names)


def balanced_weights(labels: Floats, classes: int) -> NDArray[np.float32]:
    """rows / (classes * rows of each class), as scikit-learn's class_weight="balanced"."""
    counts = np.bincount(labels.astype(int), minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def _logits(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return head_outputs(model, batch).float()
