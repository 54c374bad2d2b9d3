"""How far a policy is from the base: the exact KL divergence at each token of given answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.core.ranks import rank, sum_over_ranks, world_size
from trainables.losses.batch import Batch, to_device
from trainables.losses.tokens import MOST_ELEMENTS, TokenLosses
from trainables.training.rollouts.rollout import Rollout

Asked = Callable[[Batch], torch.Tensor]
"""From answers to the log-probabilities of all words at their tokens: [words, targets]."""


@torch.no_grad()
def divergences(
    answers: Rollout, policy: Asked, base: Asked, pad_id: int, size: int, device: torch.device
) -> NDArray[np.float64]:
    """[answers]: the sum over an answer's tokens of KL(policy || base) of the next token, in nats.

    `size` rows go through a model at once. The ranks share the rows, in as many passes each.
    """
    found = torch.zeros(len(answers), dtype=torch.float64, device=device)
    mine = np.arange(rank(), len(answers), world_size())
    for start in range(0, math.ceil(len(answers) / world_size()), size):
        rows = mine[start : start + size]
        batch = to_device(answers.batch(rows if len(rows) else np.array([0]), pad_id), device)
        sums = _of_rows(batch, policy(batch), base(batch))
        if len(rows):
            found[torch.from_numpy(rows).to(device)] = sums
    return sum_over_ranks(found).cpu().numpy()


def _of_rows(batch: Batch, mine: torch.Tensor, its: torch.Tensor) -> torch.Tensor:
    each = exact_kl(mine, its)
    rows = torch.from_numpy(batch["targets"] // (batch["labels"].shape[1] - 1)).to(each.device)
    return each.new_zeros(len(batch["labels"])).index_add_(0, rows, each)


def exact_kl(mine: torch.Tensor, its: torch.Tensor) -> torch.Tensor:
    """[targets]: KL(mine || its) of distributions, given as log-probabilities [words, targets]."""
    return (mine.exp() * (mine - its)).sum(0).double()


def distributions(tokens: TokenLosses, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """[words, targets]: what the model says of the next token, at each token of the answers."""
    return tokens.at_targets(
        model, batch, lambda logits, _: torch.log_softmax(logits.float(), -1).T
    )


def rows_at_once(answers: Rollout, most: int, words: int) -> int:
    """As many as `most`, or fewer if their distributions over so many words would not fit."""
    return max(1, min(most, MOST_ELEMENTS // (words * int(answers.answer_tokens.max()))))
