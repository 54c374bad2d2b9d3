"""Losses of a reward model: one number per text, from its last token."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.forward import output_of
from trainables.losses.loss import Floats, RowLoss
from trainables.metrics.metric import Measured
from trainables.objectives.reward import RewardConfig


class PairReward(RowLoss):
    """Bradley-Terry on pairs: -log sigmoid(reward of chosen - reward of rejected)."""

    objective = "reward"
    columns = 2

    def __init__(self, settings: RewardConfig) -> None:
        self._center = settings.center

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences]."""
        return _rewards(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean over pairs, with the centring term if requested."""
        chosen, rejected = outputs.chunk(2)
        losses = -logsigmoid(chosen - rejected) + self._center * (chosen + rejected) ** 2
        return (losses * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The rewards of chosen and rejected."""
        return torch.stack(_rewards(model, batch).chunk(2), dim=1)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """The loss without the centring term, and the margins."""
        margins = rows[:, 0] - rows[:, 1]
        losses = np.logaddexp(0.0, -margins)
        return Measured(losses, np.ones_like(losses), {"margin": margins})


class ScalarReward(RowLoss):
    """Squared error on given rewards.

    Accuracy and margin are over all pairs of examples with different given rewards.
    """

    objective = "reward"
    columns = 1

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences]."""
        return _rewards(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean squared error."""
        errors = (outputs - batch["label"].float()) ** 2
        return (errors * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The predicted reward."""
        return _rewards(model, batch)[:, None]

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Squared errors; predicted and given rewards."""
        predicted, given = rows[:, 0], examples.labels
        losses = (predicted - given) ** 2
        return Measured(losses, np.ones_like(losses), {"reward": predicted, "given": given})


def _rewards(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return output_of(model, batch).squeeze(-1).float()
