"""One number per text."""

from __future__ import annotations

import numpy as np
import torch

from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.forward import output_of
from trainables.losses.loss import Floats, RowLoss
from trainables.metrics.metric import Measured


class Regression(RowLoss):
    """Squared error."""

    objective = "classification"
    target = "regression"
    columns = 1

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[examples]."""
        return _numbers(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The weighted mean over examples."""
        errors = (outputs - batch["label"].float()) ** 2
        return (errors * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The predicted number."""
        return _numbers(model, batch)[:, None]

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Squared errors; predicted and given numbers."""
        predicted, given = rows[:, 0], examples.labels
        losses = (predicted - given) ** 2
        columns = {"predicted": predicted, "given": given}
        return Measured(losses, np.ones_like(losses), columns)


def _numbers(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return output_of(model, batch).squeeze(-1).float()
