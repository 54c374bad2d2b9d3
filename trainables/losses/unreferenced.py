"""Preference losses on pairs without a reference: ORPO and SimPO."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from trainables.data.tokens.batches import IGNORED
from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.loss import Floats, RowLoss
from trainables.losses.tokens import WHOLE_LOGITS, TokenLosses
from trainables.metrics.metric import Measured
from trainables.objectives.orpo import OrpoConfig
from trainables.objectives.simpo import SimpoConfig

_CERTAIN = -1e-6
"""The highest mean log-probability of an answer whose odds are computed; certainty has none."""


class Unreferenced(RowLoss):
    """Pairs of answers to one prompt, each judged by its mean log-probability per token.

    A row holds those of chosen and rejected, in nats. Rewards are `beta` times them.
    """

    columns = 2
    beta: float
    tokens: TokenLosses

    def __init__(self, tokens: TokenLosses = WHOLE_LOGITS) -> None:
        self.tokens = tokens

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences]: the mean log-probability of each answer's tokens."""
        counts = (batch["labels"][:, 1:] != IGNORED).sum(1)
        return -self.tokens.loss_sums(model, batch) / counts

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean over pairs."""
        chosen, rejected = outputs.chunk(2)
        return (self.of_pairs(chosen, rejected) * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Mean log-probabilities of chosen and rejected: [pairs, 2]."""
        return self.outputs(model, batch).view(2, -1).T

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """The loss of each pair, and the rewards of its answers."""
        losses = self.of_pairs(*torch.from_numpy(rows).unbind(1)).numpy()
        chosen, rejected = self.beta * rows[:, 0], self.beta * rows[:, 1]
        columns = {"margin": chosen - rejected, "chosen": chosen, "rejected": rejected}
        return Measured(losses, np.ones_like(losses), columns)

    @abstractmethod
    def of_pairs(self, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        """The loss of each pair, from mean log-probabilities; all [pairs]."""


class Orpo(Unreferenced):
    """The chosen answer's loss, plus `beta` times how little its odds exceed the rejected one's.

    Equations 6 and 7 of the paper. Its first part is over the answer's tokens, as there; TRL's is
    over the prompt's as well.
    """

    objective = "orpo"

    def __init__(self, settings: OrpoConfig, tokens: TokenLosses = WHOLE_LOGITS) -> None:
        super().__init__(tokens)
        self.beta = settings.beta

    def of_pairs(self, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        """The loss of each pair."""
        return -chosen - self.beta * logsigmoid(_log_odds(chosen) - _log_odds(rejected))


class Simpo(Unreferenced):
    """The chosen answer's reward should lead by `gamma`: equation 6 of the paper."""

    objective = "simpo"

    def __init__(self, settings: SimpoConfig, tokens: TokenLosses = WHOLE_LOGITS) -> None:
        super().__init__(tokens)
        self.beta, self._gamma = settings.beta, settings.gamma

    def of_pairs(self, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        """The loss of each pair."""
        return -logsigmoid(self.beta * (chosen - rejected) - self._gamma)


def _log_odds(log_probability: torch.Tensor) -> torch.Tensor:
    """log(p / (1 - p)). 1 - p is computed without cancellation (Maechler 2012, log1mexp)."""
    known = log_probability.clamp(max=_CERTAIN)
    near_one = known > -math.log(2)
    # Each branch gets values at which its own gradient is finite.
    close = torch.log(-torch.expm1(torch.where(near_one, known, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near_one, -1.0, known)))
    return known - torch.where(near_one, close, far)
