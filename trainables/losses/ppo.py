"""The loss of PPO: clipped ratios times the advantages of tokens, and that of their values."""

from __future__ import annotations

import torch

from trainables.losses.batch import Batch
from trainables.losses.policy import Pass, PolicyLoss, clipped_gain, over_tokens
from trainables.losses.tokens import WHOLE_LOGITS, TokenLosses
from trainables.losses.values import value_losses, valuing
from trainables.objectives.policy import RlConfig
from trainables.objectives.ppo import PpoConfig


class Ppo(PolicyLoss):
    """Equation 9 of the paper, without its bonus for entropy: mean over all tokens of a step.

    The KL divergence is part of the rewards of the tokens (Ziegler et al. 2019, arXiv:1909.08593,
    equation 2), not of the loss.
    """

    objective = "ppo"

    def __init__(
        self, settings: RlConfig, own: PpoConfig, tokens: TokenLosses = WHOLE_LOGITS
    ) -> None:
        super().__init__(settings, tokens)
        self.own = own

    def passed(self, model: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, Pass]:
        """The policy's loss and the weighted one of the values."""
        with valuing(model, batch, self.own.value_trains == "model") as values:
            policy, seen = super().passed(model, batch)
        losses = value_losses(values.pop(), batch["values"], batch["returns"], self.own.value_clip)
        loss = policy + self.own.value_weight * over_tokens(losses, batch)
        return loss, seen._replace(value_losses=losses.detach())

    def of_answers(
        self, log_probabilities: torch.Tensor, old: torch.Tensor, batch: Batch, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`advantage` of the batch has one number for each token."""
        clip = self.settings.clip
        gain, clipped = clipped_gain(log_probabilities - old, batch["advantage"], clip, clip)
        return over_tokens(-gain * mask, batch), clipped
