"""What an objective is: a loss to minimise, and scores that do not depend on how they were cut.

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

from trainables.data.batches import collate
from trainables.data.examples import Examples
from trainables.ranks import rank, sum_over_ranks, world_size

Batch = Mapping[str, torch.Tensor]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """A model on a set: its metrics, and of each example the loss (a sum over `counts` terms)."""

    metrics: Mapping[str, float]
    losses: Floats
    counts: Floats


class Objective(ABC):
    """One of what a trial can minimise. Instances belong to one trial."""

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
    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """The metrics of a whole set, from the rows of all its examples in their order."""


@torch.no_grad()
def measure(
    objective: Objective,
    model: torch.nn.Module,
    examples: Examples,
    micro_batch_size: int,
    pad_id: int,
    device: torch.device,
    autocast: torch.dtype | None,
) -> Scores:
    """Score every example; all ranks share the work and all get the whole result.

    Every rank makes the same number of forward passes (ZeRO-3 gathers weights in each of them): a
    rank that has run out of examples repeats one and leaves it uncounted.
    """
    was_training = model.training
    model.eval()
    rows = torch.zeros(len(examples), objective.columns, dtype=torch.float64, device=device)
    for indices, counted in _shares(examples.lengths, micro_batch_size):
        arrays = collate([examples[i] for i in indices], pad_id)
        batch = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        with torch.autocast(device.type, autocast, enabled=autocast is not None):
            measured = objective.rows(model, batch)
        if counted:
            rows[torch.as_tensor(indices, device=device)] = measured.double()
    model.train(was_training)
    return objective.scores(sum_over_ranks(rows).cpu().numpy(), examples)


def _shares(lengths: NDArray[np.int64], size: int) -> list[tuple[list[int], bool]]:
    """This rank's micro-batches, of similar lengths so that little is padded, long ones first."""
    by_length = np.argsort(-lengths, kind="stable")
    mine = by_length[rank() :: world_size()].tolist()
    batches = [(mine[i : i + size], True) for i in range(0, len(mine), size)]
    rounds = math.ceil(math.ceil(len(lengths) / world_size()) / size)
    spare = [([int(by_length[-1])], False)] * (rounds - len(batches))
    return batches + spare
