"""A loss to minimise, and scores that do not depend on how a set was cut.

The mean of the batches' means, which trainers usually report, weighs an example by the batch that
it happens to fall into. Here each example leaves a row of sums, and the metrics are made of all
rows, so they do not depend on how a set was cut into micro-batches or shared among workers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.core.progress import NO_PROGRESS, Progress
from trainables.core.ranks import rank, sum_over_ranks, world_size
from trainables.data.tokens.batches import collate
from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch, to_batch, to_device
from trainables.metrics.metric import Measured
from trainables.metrics.registry import computed

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """A model on a set: its metrics, and of each example the loss (a sum over `counts` terms)."""

    metrics: Mapping[str, float]
    losses: Floats
    counts: Floats


class Loss(ABC):
    """What a trial minimises, and what it measures. Instances belong to one trial."""

    objective: str
    """The name of the objective whose metrics these are."""

    columns: int
    """How many numbers `rows` gives for each example."""

    per_token = False
    """Whether the loss is a mean over a step's target tokens and not over its examples."""

    @abstractmethod
    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | None
    ) -> torch.Tensor:
        """The loss of one micro-batch, with gradients: the mean over its examples.

        `per_token`, it is their sum over `items`, the target tokens of the whole optimizer step on
        all ranks, times the number of ranks (whose gradients are averaged).
        """

    @abstractmethod
    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """What is measured of each example: [examples, columns]."""

    @abstractmethod
    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """What metrics are computed of, from the rows of all examples of a set in their order."""

    def metrics(self, measured: Measured) -> dict[str, float]:
        """All metrics of a set."""
        return computed(self.objective, measured)

    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """The metrics of a whole set, from the rows of all its examples in their order."""
        measured = self.measured(rows, examples)
        return Scores(self.metrics(measured), measured.losses, measured.counts)


@torch.no_grad()
def measure(
    loss: Loss,
    model: torch.nn.Module,
    examples: Examples,
    micro_batch_size: int,
    pad_id: int,
    device: torch.device,
    autocast: torch.dtype | None,
    progress: Progress = NO_PROGRESS,
) -> Scores:
    """Score every example; all ranks share the work and all get the whole result.

    Every rank makes the same number of forward passes (ZeRO-3 gathers weights in each of them): a
    rank that has run out of examples repeats one and leaves it uncounted.
    """
    was_training = model.training
    model.eval()
    # Of similar lengths, so that little is padded, and long ones first.
    by_length = np.argsort(-examples.lengths, kind="stable")
    mine = by_length[rank() :: world_size()]
    rows = torch.zeros(len(mine), loss.columns, dtype=torch.float64, device=device)
    parts = _parts(len(examples), micro_batch_size)
    with progress.phase("evaluating", len(parts)) as gauge:
        for part in parts:
            counted = mine[part]
            asked = counted if len(counted) else by_length[-1:]
            batch = to_device(to_batch(collate([examples[int(i)] for i in asked], pad_id)), device)
            with torch.autocast(device.type, autocast, enabled=autocast is not None):
                measured = loss.rows(model, batch)
            if len(counted):
                rows[part] = measured.double()
            gauge.advance()
    model.train(was_training)
    whole = torch.zeros(len(examples), loss.columns, dtype=torch.float64, device=device)
    whole[torch.from_numpy(mine).to(device)] = rows
    return loss.scores(sum_over_ranks(whole).cpu().numpy(), examples)


def _parts(examples: int, size: int) -> list[slice]:
    """What each micro-batch takes of a rank's examples; the last may be empty on some ranks."""
    largest_share = math.ceil(examples / world_size())
    return [slice(at, at + size) for at in range(0, largest_share, size)]
