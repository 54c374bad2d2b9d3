"""Losses of reinforcement learning on answers that the model has written: GRPO, RLOO, and what PPO
shares with them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch

from trainables.core.ranks import world_size
from trainables.data.tokens.batches import IGNORED
from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.causal_lm import CausalLm
from trainables.losses.loss import Floats, Loss
from trainables.losses.tokens import WHOLE_LOGITS, TokenLosses
from trainables.metrics.metric import Measured
from trainables.objectives.grpo import GrpoConfig
from trainables.objectives.policy import RlConfig


class Pass(NamedTuple):
    """What one pass of the policy over answers says, without gradients.

    All are [answers, length - 1] and 0 beside the answers' tokens: log-probabilities, entropies in
    nats, whether the ratio was clipped, and the losses of values, if there are any.
    """

    log_probabilities: torch.Tensor
    entropies: torch.Tensor
    clipped: torch.Tensor
    value_losses: torch.Tensor | None = None


class PolicyLoss(Loss):
    """The policy-gradient loss of answers in groups; `watch` sees each pass.

    Measured sets have references instead of rewards: `rows` are those of language modelling.
    """

    columns = CausalLm.columns
    tokens: TokenLosses

    def __init__(self, settings: RlConfig, tokens: TokenLosses = WHOLE_LOGITS) -> None:
        self.tokens = tokens
        self.settings = settings
        self.watch: Callable[[Batch, Pass], None] = lambda batch, seen: None
        self._references = CausalLm(objective=self.objective, tokens=tokens)

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean over the answers or the tokens of a step, as the objective has it."""
        loss, seen = self.passed(model, batch)
        with torch.no_grad():
            self.watch(batch, seen)
        return loss

    def passed(self, model: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, Pass]:
        """The loss of a micro-batch, and what the pass says."""
        found = self.tokens.of_policy(model, batch, self.settings.temperature)
        log_probabilities, entropies = found.unbind(0)
        # At the first pass over new answers the policy is the one that wrote them.
        old = batch["old"] if "old" in batch else log_probabilities.detach()
        mask = (batch["labels"][:, 1:] != IGNORED).to(log_probabilities.dtype)
        loss, clipped = self.of_answers(log_probabilities, old, batch, mask)
        return loss, Pass(log_probabilities.detach(), entropies.detach(), clipped * mask)

    @abstractmethod
    def of_answers(
        self, log_probabilities: torch.Tensor, old: torch.Tensor, batch: Batch, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of a micro-batch, and which of its tokens were clipped."""

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Loss sum, targets and hits of each reference answer."""
        return self._references.rows(model, batch)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """The losses of the reference answers."""
        return self._references.measured(rows, examples)


class Grpo(PolicyLoss):
    """Token by token: the clipped ratio times its answer's advantage, and the KL divergence.

    Equation 3 of the paper, with the KL estimate of its equation 4.
    """

    objective = "grpo"

    def __init__(
        self, settings: RlConfig, own: GrpoConfig, tokens: TokenLosses = WHOLE_LOGITS
    ) -> None:
        super().__init__(settings, tokens)
        self._high = settings.clip if own.clip_high is None else own.clip_high
        self._over_tokens = own.mean == "tokens"

    def of_answers(
        self, log_probabilities: torch.Tensor, old: torch.Tensor, batch: Batch, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`step_tokens` of the batch are those of the whole step, divided by its micro-batches."""
        advantage = batch["advantage"][:, None]
        gain, clipped = clipped_gain(
            log_probabilities - old, advantage, self.settings.clip, self._high
        )
        losses = -gain
        if "reference" in batch:
            losses = losses + self.settings.beta * kl_estimate(
                log_probabilities, batch["reference"]
            )
        if self._over_tokens:
            return over_tokens(losses * mask, batch), clipped
        return ((losses * mask).sum(1) / mask.sum(1)).mean(), clipped


class Rloo(PolicyLoss):
    """Answer by answer: the clipped ratio of the whole answer times its advantage.

    The KL divergence is part of the reward (equation 1 of the paper), not of the loss.
    """

    objective = "rloo"

    def of_answers(
        self, log_probabilities: torch.Tensor, old: torch.Tensor, batch: Batch, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean over answers."""
        ratio = ((log_probabilities - old) * mask).sum(1)
        clip = self.settings.clip
        gain, clipped = clipped_gain(ratio, batch["advantage"], clip, clip)
        return -gain.mean(), clipped[:, None].expand_as(mask)


def over_tokens(losses: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The mean over a step's tokens, of which a micro-batch has a part."""
    return losses.sum() * world_size() / batch["step_tokens"]


def clipped_gain(
    log_ratio: torch.Tensor, advantage: torch.Tensor, low: float, high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """min(ratio A, clip(ratio, 1 - low, 1 + high) A), and where it is clipped: equation 7 of PPO
    (Schulman et al. 2017, arXiv:1707.06347)."""
    ratio = log_ratio.exp()
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)
    beyond = ((ratio > 1 + high) & (advantage > 0)) | ((ratio < 1 - low) & (advantage < 0))
    return gain, beyond.to(gain.dtype)


def kl_estimate(log_probabilities: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """An estimate of KL(policy || reference) from samples of the policy: unbiased, never negative
    (Schulman 2020, http://joschu.net/blog/kl-approx.html, k3)."""
    difference = reference - log_probabilities
    return difference.exp() - difference - 1
