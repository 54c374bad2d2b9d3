"""Language modelling (sft, clm): the mean over all target tokens."""

from __future__ import annotations

import numpy as np
import torch

from trainables.core.ranks import world_size
from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch
from trainables.losses.loss import Floats, RowLoss
from trainables.losses.tokens import WHOLE_LOGITS, TokenLosses
from trainables.metrics.metric import Measured


class CausalLm(RowLoss):
    """Next-token prediction. Each target token has its example's weight, 1 by default."""

    columns = 3
    per_token = True
    tokens: TokenLosses

    def __init__(
        self,
        label_smoothing: float = 0.0,
        objective: str = "sft",
        tokens: TokenLosses = WHOLE_LOGITS,
    ) -> None:
        self.objective = objective
        self._label_smoothing = label_smoothing
        self.tokens = tokens

    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences, length - 1]: the loss of each token except the first."""
        return self.tokens.losses(model, batch, self._label_smoothing)

    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """Weighted sum of token losses, divided by the target tokens of the whole step."""
        assert items is not None, "the trainer counts the target tokens of a step"
        return (outputs * _weights(batch)).sum() * world_size() / items

    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Loss sum in nats, number of target tokens, and number of likeliest ones among them."""
        return self.tokens.sums(model, batch)

    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Losses of sequences, numbers of correctly predicted target tokens, and bytes of text."""
        losses, targets, correct = rows.T
        known = bool(np.isfinite(examples.text_bytes).all())
        return Measured(
            losses,
            targets,
            {"correct": correct, **({"bytes": examples.text_bytes} if known else {})},
        )


def _weights(batch: Batch) -> torch.Tensor:
    """Weight of each token's loss: that of its example; a packed row has several examples."""
    weight = batch["weight"]
    return weight[:, None] if weight.dim() == 1 else weight[:, 1:]
