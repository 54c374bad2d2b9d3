"""Measuring a causal language model: losses summed over all target tokens of a set.

The mean of the batches' means, which trainers usually report, weighs a token by the batch that it
happens to fall into. Here every target token counts once, so the number does not depend on how the
set was cut into micro-batches or shared among workers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from trainables.data.batches import IGNORED, collate
from trainables.data.sequences import Sequences
from trainables.ranks import rank, sum_over_ranks, world_size

MOST_ELEMENTS = 2**27
"""Logits that are held in float32 at once: half a gigabyte."""


@dataclass(frozen=True)
class SequenceScores:
    """Sums per validation sequence, in the set's order: arrays of shape [sequences].

    `losses` in nats; `targets` and `correct` count target tokens and those whose most likely
    prediction is right.
    """

    losses: NDArray[np.float64]
    targets: NDArray[np.float64]
    correct: NDArray[np.float64]

    def metrics(self) -> dict[str, float]:
        """Means over all target tokens."""
        targets = float(self.targets.sum())
        loss = float(self.losses.sum()) / targets
        return {
            "eval_loss": loss,
            "eval_perplexity": math.exp(loss) if loss < 700 else math.inf,
            "eval_token_accuracy": float(self.correct.sum()) / targets,
        }


@torch.no_grad()
def score(
    model: torch.nn.Module,
    sequences: Sequences,
    micro_batch_size: int,
    device: torch.device,
    autocast: bool,
) -> SequenceScores:
    """Score every sequence; all ranks share the work and all get the whole result.

    Every rank makes the same number of forward passes (ZeRO-3 gathers weights in each of them): a
    rank that has run out of sequences repeats one and leaves it uncounted.
    """
    was_training = model.training
    model.eval()
    sums = torch.zeros(len(sequences), 3, dtype=torch.float64, device=device)
    for indices, counted in _shares(sequences.lengths, micro_batch_size):
        batch = _tensors(collate([sequences[i] for i in indices], pad_id=0), device)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            logits = model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).logits
        if counted:
            sums[torch.as_tensor(indices, device=device)] = _sums(logits, batch["labels"])
    model.train(was_training)
    losses, targets, correct = sum_over_ranks(sums).cpu().numpy().T
    return SequenceScores(losses, targets, correct)


def _shares(lengths: NDArray[np.int64], size: int) -> list[tuple[list[int], bool]]:
    """This rank's micro-batches, of similar lengths so that little is padded, long ones first."""
    by_length = np.argsort(-lengths, kind="stable")
    mine = by_length[rank() :: world_size()].tolist()
    batches = [(mine[i : i + size], True) for i in range(0, len(mine), size)]
    rounds = math.ceil(math.ceil(len(lengths) / world_size()) / size)
    spare = [([int(by_length[-1])], False)] * (rounds - len(batches))
    return batches + spare


def _sums(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """[sequences, 3]: loss sum, targets and hits of each row of logits [sequences, length, words].

    In few rows at a time where they are large, because a whole micro-batch in float32 is the
    largest tensor of an evaluation; in one go where they are small, because each operation costs.
    """
    rows = max(1, MOST_ELEMENTS // logits[0].numel())
    parts = zip(torch.split(logits, rows), torch.split(labels, rows), strict=True)
    return torch.cat([_sums_of(some_logits, some_labels) for some_logits, some_labels in parts])


def _sums_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    predictions, targets = logits[:, :-1].float(), labels[:, 1:]
    losses = cross_entropy(
        predictions.transpose(1, 2), targets, reduction="none", ignore_index=IGNORED
    )
    hits = predictions.argmax(-1) == targets
    counted = targets != IGNORED
    return torch.stack([each.double().sum(1) for each in (losses, counted, hits)], dim=1)


def _tensors(
    batch: Mapping[str, NDArray[np.int64]], device: torch.device
) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}
