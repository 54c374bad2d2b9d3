"""Losses of a reward model: one number per text, from its last token."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.loss import Floats, RowLoss
from trainables.losses.regression import SquaredLoss, numbers
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
        return numbers(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean over pairs, with the centring term if requested."""
        chosen, rejected = outputs.chunk(2)
        losses = -logsigmoid(chosen - rejected) + self._center * (chosen + rejected) ** 2
        return (losses * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The rewards of chosen and rejected."""
        return torch.stack(numbers(model, batch).chunk(2), dim=1)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """The loss without the centring term, and the margins."""
        margins = rows[:, 0] - rows[:, 1]
        losses = np.logaddexp(0.0, -margins)
        return Measured(losses, np.ones_like(losses), {"margin": margins})


class ScalarReward(SquaredLoss):
    """Squared error on given rewards.

    Accuracy and margin are over all pairs of examples with different given rewards.
    """

    objective = "reward"
    column = "reward"
