"""One number per text."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.forward import output_of
from trainables.losses.loss import Floats, RowLoss
from trainables.metrics.metric import Measured


class SquaredLoss(RowLoss):
    """Squared error on one given number per text; `column` names what the model says."""

    columns = 1
    column: ClassVar[str]

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[examples]."""
        return numbers(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The weighted mean over examples."""
        errors = (outputs - batch["label"].float()) ** 2
        return (errors * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The predicted number."""
        return numbers(model, batch)[:, None]

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Squared errors; predicted and given numbers."""
        predicted, given = rows[:, 0], examples.labels
        losses = (predicted - given) ** 2
        return Measured(losses, np.ones_like(losses), {self.column: predicted, "given": given})


class Regression(SquaredLoss):
    """Squared error on a text's number."""

    objective = "classification"
    target = "regression"
    column = "predicted"


def numbers(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """[sequences]: the one output of each text, from its last token."""
    return output_of(model, batch).squeeze(-1).float()
