"""A reward model: one number for a text, read off its last token."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from trainables.config.objective_config import RewardConfig
from trainables.data.tokens.examples import Examples
from trainables.objectives.batch import Batch
from trainables.objectives.forward import head_outputs
from trainables.objectives.objective import Floats, Objective, Scores
from trainables.objectives.ranking import pair_accuracy, ranking


class PairReward(Objective):
    """Bradley-Terry on pairs: -log sigmoid(reward of chosen - reward of rejected)."""

    columns = 2

    def __init__(self, settings: RewardConfig) -> None:
        self._center = settings.center

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | None
    ) -> torch.Tensor:
        """The mean over pairs, with the centring term where it is asked for."""
        chosen, rejected = _rewards(model, batch).chunk(2)
        losses = -logsigmoid(chosen - rejected) + self._center * (chosen + rejected) ** 2
        return (losses * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The rewards of chosen and rejected."""
        return torch.stack(_rewards(model, batch).chunk(2), dim=1)

    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """The loss without the centring term."""
        margins = rows[:, 0] - rows[:, 1]
        losses = np.logaddexp(0.0, -margins)
        metrics = {
            "eval_loss": float(losses.mean()),
            "eval_reward_accuracy": pair_accuracy(margins),
            "eval_reward_margin": float(margins.mean()),
        }
        return Scores(metrics, losses, np.ones_like(losses))


class ScalarReward(Objective):
    """Squared error on given rewards.

    Accuracy and margin are those of all pairs of examples whose given rewards differ.
    """

    columns = 1

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | None
    ) -> torch.Tensor:
        """The mean squared error."""
        errors = (_rewards(model, batch) - batch["label"].float()) ** 2
        return (errors * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The predicted reward."""
        return _rewards(model, batch)[:, None]

    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """Mean squared error, and how well the order is kept."""
        losses = (rows[:, 0] - examples.labels) ** 2
        accuracy, margin = ranking(rows[:, 0], examples.labels)
        metrics = {
            "eval_loss": float(losses.mean()),
            "eval_reward_accuracy": accuracy,
            "eval_reward_margin": margin,
        }
        return Scores(metrics, losses, np.ones_like(losses))


def _rewards(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return head_outputs(model, batch).squeeze(-1).float()
