"""Language modelling (sft, clm): the mean over all target tokens."""

from __future__ import annotations

import math

import torch

from trainables.core.ranks import world_size
from trainables.data.tokens.examples import Examples
from trainables.objectives.batch import Batch
from trainables.objectives.forward import logits_of
from trainables.objectives.objective import Floats, Objective, Scores
from trainables.objectives.tokens import sequence_sums, token_losses


class CausalLm(Objective):
    """Next-token prediction. Every target token counts once, or as its example's weight says."""

    columns = 3
    per_token = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self._label_smoothing = label_smoothing

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | None
    ) -> torch.Tensor:
        """Weighted token losses over the target tokens of the whole step."""
        assert items is not None, "the trainer counts the target tokens of a step"
        losses = token_losses(logits_of(model, batch), batch["labels"], self._label_smoothing)
        return (losses * _weights(batch)).sum() * world_size() / items

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Loss sum in nats, target tokens, and how many of them were the likeliest."""
        return sequence_sums(logits_of(model, batch), batch["labels"])

    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """Means over all target tokens."""
        losses, targets, correct = rows.T
        loss = float(losses.sum() / targets.sum())
        metrics = {
            "eval_loss": loss,
            "eval_perplexity": math.exp(loss) if loss < 700 else math.inf,
            "eval_token_accuracy": float(correct.sum() / targets.sum()),
        }
        return Scores(metrics, losses, targets)


def _weights(batch: Batch) -> torch.Tensor:
    """What each token's loss counts: as its example does, of which a packed row has several."""
    weight = batch["weight"]
    return weight[:, None] if weight.dim() == 1 else weight[:, 1:]
