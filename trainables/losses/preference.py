"""Preference losses relative to a reference: DPO on pairs, KTO on single judgements."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import logsigmoid, relu

from trainables.core.ranks import sum_over_ranks, world_size
from trainables.data.tokens.batches import IGNORED
from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.loss import Floats, Loss, RowLoss
from trainables.losses.reference import Reference
from trainables.losses.tokens import TokenLosses
from trainables.metrics.metric import Measured
from trainables.objectives.dpo import DpoConfig
from trainables.objectives.kto import KtoConfig


class Dpo(RowLoss):
    """Pairs of answers to one prompt: the better should gain on the reference, the worse lose.

    A row holds the log-ratios of chosen and rejected (policy over reference, summed over the
    answer's tokens) and the number of tokens in each.
    """

    objective = "dpo"
    columns = 4
    tokens: TokenLosses

    def __init__(self, settings: DpoConfig, reference: Reference, tokens: TokenLosses) -> None:
        self._settings = settings
        self._reference = reference
        self.tokens = tokens

    def prepare(self, batch: Batch) -> None:
        """The reference's answers."""
        self._reference.know(batch)

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences]: minus the log-probability of each answer."""
        return self.tokens.loss_sums(model, batch)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean over pairs; label_smoothing applies only to training."""
        losses = self._losses(self._ratios(outputs, batch), self._settings.label_smoothing)
        return (losses * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Log-ratios and token counts of chosen and rejected."""
        self.prepare(batch)
        return self._ratios(self.outputs(model, batch), batch)

    def _ratios(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        policy = -outputs.view(2, -1).T
        counts = (batch["labels"][:, 1:] != IGNORED).sum(1).view(2, -1).T
        return torch.cat([policy - self._reference(batch), counts.to(policy.dtype)], dim=1)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Rewards are beta times the log-ratios."""
        losses = self._losses(torch.from_numpy(rows), 0.0).numpy()
        chosen, rejected = self._settings.beta * rows[:, 0], self._settings.beta * rows[:, 1]
        columns = {"margin": chosen - rejected, "chosen": chosen, "rejected": rejected}
        return Measured(losses, np.ones_like(losses), columns)

    def _losses(self, rows: torch.Tensor, label_smoothing: float) -> torch.Tensor:
        beta, kind = self._settings.beta, self._settings.loss
        chosen, rejected, chosen_tokens, rejected_tokens = rows.unbind(1)
        margin = beta * (chosen - rejected)
        if kind == "hinge":
            return relu(1 - margin)
        if kind == "ipo":
            return (chosen / chosen_tokens - rejected / rejected_tokens - 1 / (2 * beta)) ** 2
        swapped = label_smoothing * logsigmoid(-margin)
        return -(1 - label_smoothing) * logsigmoid(margin) - swapped


class Kto(Loss):
    """Single answers, good (label 1) or bad (0).

    An example's second sequence is its prompt with another example's answer, used to estimate the
    divergence from the reference: over the micro-batch in training (as in TRL, so micro_batch_size
    matters a little), over the whole set in scores. A row holds the log-ratios of the answer and of
    the other one.
    """

    objective = "kto"
    columns = 2
    tokens: TokenLosses

    def __init__(self, settings: KtoConfig, reference: Reference, tokens: TokenLosses) -> None:
        self._settings = settings
        self._reference = reference
        self.tokens = tokens

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The mean over examples, each weighted by its label's weight."""
        ratios, others = self._ratios(model, batch)
        divergence = sum_over_ranks(others.mean()) / world_size()
        good = batch["label"] > 0.5
        weights = torch.where(
            good, self._settings.desirable_weight, self._settings.undesirable_weight
        )
        losses = self._losses(ratios, good, divergence.clamp(min=0))
        return (losses * weights * batch["weight"]).mean()

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Log-ratios of the answer, and of the other example's answer to the same prompt."""
        return torch.stack(self._ratios(model, batch), dim=1)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Unweighted; accuracy and margin compare each good answer with each bad one."""
        divergence = max(0.0, float(rows[:, 1].mean()))
        good = examples.labels > 0.5
        ratios = torch.from_numpy(rows[:, 0])
        losses = self._losses(ratios, torch.from_numpy(good), torch.tensor(divergence)).numpy()
        rewards = self._settings.beta * rows[:, 0]
        columns = {
            "reward": rewards,
            "given": examples.labels,
            "chosen": rewards[good],
            "rejected": rewards[~good],
            "divergence": rows[:, 1],
        }
        return Measured(losses, np.ones_like(losses), columns)

    def _ratios(self, model: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-ratios, with gradients for the answers only: the divergence is a baseline."""
        answers, others = _half(batch, 0), _half(batch, 1)
        # Before the answers, whose activations are held for the backward pass.
        self._reference.know(batch)
        reference = self._reference(batch)
        with torch.no_grad():
            baseline = -self.tokens.loss_sums(model, others)
        policy = -self.tokens.loss_sums(model, answers)
        return policy - reference[:, 0], baseline - reference[:, 1]

    def _losses(
        self, ratios: torch.Tensor, good: torch.Tensor, divergence: torch.Tensor
    ) -> torch.Tensor:
        gained = self._settings.beta * (ratios - divergence)
        return 1 - torch.sigmoid(torch.where(good, gained, -gained))


def _half(batch: Batch, half: int) -> Batch:
    """The first sequences of all examples, or the second ones."""
    labels = batch["labels"].chunk(2)[half]
    first = half * labels[:, 1:].numel()
    targets = batch["targets"] - first
    return Batch(
        input_ids=batch["input_ids"].chunk(2)[half],
        attention_mask=batch["attention_mask"].chunk(2)[half],
        labels=labels,
        targets=targets[(targets >= 0) & (targets < labels[:, 1:].numel())],
    )
