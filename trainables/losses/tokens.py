"""Token losses, summed over each sequence: the basis of language modelling and preferences."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from trainables.data.tokens.batches import IGNORED

MOST_ELEMENTS = 2**27
"""Maximum logits held in float32 at once without gradients: half a gigabyte."""


def sequence_sums(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """[sequences, 3]: loss sum in nats, targets and hits of each row of logits.

    A few rows at a time if they are large, because a whole micro-batch in float32 is the largest
    tensor of an evaluation; all at once if they are small, because each operation costs time.
    """
    rows = max(1, MOST_ELEMENTS // logits[0].numel())
    parts = zip(torch.split(logits, rows), torch.split(labels, rows), strict=True)
    return torch.cat([_sums(some_logits, some_labels) for some_logits, some_labels in parts])


def loss_sums(
    logits: torch.Tensor, labels: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """[sequences]: minus the log-probability of each sequence's targets, in float32."""
    return token_losses(logits, labels, label_smoothing).sum(1)


def token_losses(
    logits: torch.Tensor, labels: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """[sequences, length - 1]: the loss of each token except the first, 0 for non-targets."""
    return cross_entropy(
        logits[:, :-1].float().transpose(1, 2),
        labels[:, 1:],
        reduction="none",
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
    )


def _sums(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    losses = token_losses(logits, labels)
    targets = labels[:, 1:]
    hits = logits[:, :-1].argmax(-1) == targets
    counted = targets != IGNORED
    return torch.stack([each.double().sum(1) for each in (losses, counted, hits)], dim=1)
