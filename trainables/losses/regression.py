"""One number per text."""

from __future__ import annotations

import numpy as np
import torch

from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.forward import head_outputs
from trainables.losses.loss import Floats, Loss
from trainables.metrics.metric import Measured


class Regression(Loss):
    """Squared error."""

    objective = "classification"
    target = "regression"
    columns = 1

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | None
    ) -> torch.Tensor:
        """The weighted mean over examples."""
        errors = (_numbers(model, batch) - batch["label"].float()) ** 2
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
    return head_outputs(model, batch).squeeze(-1).float()
