"""A loss to minimise, and scores that are independent of the batching.

The mean of the batches' means, which trainers usually report, weighs an example by its accidental
batch. Here each example gives a row of sums, and metrics are computed from all rows, so they are
independent of the division of a set into micro-batches or among workers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.core.evaluation import AnswersCost
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.core.ranks import rank, sum_over_ranks, world_size
from trainables.data.tokens.batches import collate
from trainables.data.tokens.examples import Examples
from trainables.losses.batch import Batch, to_batch, to_device
from trainables.losses.forward import evaluating
from trainables.losses.tokens import TokenLosses
from trainables.metrics.formula import with_formulas
from trainables.metrics.metric import Measured
from trainables.metrics.registry import computed
from trainables.metrics.written import Written

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """A model's metrics on a set, each example's loss (a sum over `counts` terms), the answers, if
    any were generated, and `labelled`: what `Loss.labelled` keeps of each example. `columns` are
    those of `Measured`.

    `subset` has the metrics on the part of the set on which trials are compared at their points, if
    there is one; of a model measured on that alone, there are no others. `rows` are those of what
    was measured, and `general_rows` those of the general set.
    """

    metrics: Mapping[str, float]
    losses: Floats
    counts: Floats
    written: Written | None = None
    labelled: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    columns: Mapping[str, Floats] = field(default_factory=dict)
    subset: Mapping[str, float] = field(default_factory=dict)
    rows: Floats | None = None
    general_rows: Floats | None = None

    @property
    def whole(self) -> bool:
        """Whether the whole set was measured."""
        return not self.subset or bool(self.metrics)

    @property
    def compared(self) -> Mapping[str, float]:
        """The metrics by which trials are compared at their points."""
        return self.subset or self.metrics

    def with_metrics(self, further: Mapping[str, float]) -> Scores:
        """The scores with metrics that are of no examples of the set."""
        metrics = {**self.metrics, **further} if self.whole else self.metrics
        return replace(
            self, metrics=metrics, subset={**self.subset, **further} if self.subset else {}
        )

    @property
    def answers_cost(self) -> AnswersCost:
        """What the answers took."""
        return self.written.cost if self.written else AnswersCost()

    def with_formulas(self, formulas: Sequence[str]) -> Scores:
        """The scores with the values of the formulas of metrics that were measured."""
        return replace(
            self,
            metrics=with_formulas(self.metrics, formulas),
            subset=with_formulas(self.subset, formulas),
        )

    @classmethod
    def of_answers(cls, written: Written) -> Scores:
        """The scores of answers alone."""
        return cls(written.values, np.empty(0), np.empty(0), written)

    @classmethod
    def of_nothing(cls) -> Scores:
        """No measurements, of a set of which none can be made."""
        return cls({}, np.empty(0), np.empty(0))

    def with_written(self, written: Written) -> Scores:
        """The scores with the answers and their metrics."""
        return replace(self.with_metrics(written.values), written=written)


class Loss(ABC):
    """A trial's loss and measurements. Each instance belongs to one trial."""

    objective: str
    """Name of the objective, which determines the metrics."""

    target: str | None = None
    """What a classifier predicts, which determines its metrics."""

    columns: int
    """Numbers per example in `rows`."""

    tokens: TokenLosses | None = None
    """How it computes the losses of tokens, if it is made of them."""

    per_token = False
    """Whether the loss is a mean over a step's target tokens instead of its examples."""

    @abstractmethod
    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The loss of one micro-batch, with gradients: the mean over its examples.

        If `per_token`, the sum divided by `items`, the target tokens of the whole optimizer step on
        all ranks, times the number of ranks (whose gradients are averaged).
        """

    @abstractmethod
    def rows(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Measurements of each example: [examples, columns]."""

    @abstractmethod
    def measured(self, rows: Floats, examples: Examples) -> Measured:
        """Measurements for metrics, from the rows of all examples of a set in order."""

    def metrics(self, measured: Measured) -> dict[str, float]:
        """All metrics of a set."""
        return computed(self.objective, measured, self.target)

    def scores(self, rows: Floats, examples: Examples) -> Scores:
        """The metrics of a whole set, from the rows of all its examples in order."""
        measured = self.measured(rows, examples)
        labelled = self.labelled(measured)
        return Scores(
            self.metrics(measured),
            measured.losses,
            measured.counts,
            labelled=labelled,
            columns=measured.columns,
        )

    def labelled(self, measured: Measured) -> Mapping[str, NDArray[Any]]:
        """True and predicted labels of each example, for tables of them; empty without labels."""
        return {}


class RowLoss(Loss):
    """A loss made of a model's outputs row by row, so that several trials can share a pass."""

    def loss(
        self, model: torch.nn.Module, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """As `reduced` makes it of `outputs`."""
        self.prepare(batch)
        return self.reduced(self.outputs(model, batch), batch, items)

    def prepare(self, batch: Batch) -> None:
        """What must be known before the pass, which holds its activations; by default nothing."""

    @abstractmethod
    def outputs(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences, ...]: what the loss is made of; no row depends on another."""

    @abstractmethod
    def reduced(
        self, outputs: torch.Tensor, batch: Batch, items: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The loss of a micro-batch from its outputs."""


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
    """Score every example; all ranks share the work and all get the whole result."""
    rows = measured_rows(
        loss, model, examples, micro_batch_size, pad_id, device, autocast, progress
    )
    return loss.scores(rows, examples)


@torch.no_grad()
def measured_rows(
    loss: Loss,
    model: torch.nn.Module,
    examples: Examples,
    micro_batch_size: int,
    pad_id: int,
    device: torch.device,
    autocast: torch.dtype | None,
    progress: Progress = NO_PROGRESS,
) -> Floats:
    """[examples, columns]: the measurements of every example, on every rank.

    All ranks make the same number of forward passes (ZeRO-3 gathers weights in each of them): a
    rank without examples left repeats one and does not count it.
    """
    # Similar lengths together, for little padding, and long ones first.
    by_length = np.argsort(-examples.lengths, kind="stable")
    mine = by_length[rank() :: world_size()]
    rows = torch.zeros(len(mine), loss.columns, dtype=torch.float64, device=device)
    parts = _parts(len(examples), micro_batch_size)
    with progress.phase("evaluating", len(parts)) as gauge, evaluating(model):
        for part in parts:
            counted = mine[part]
            asked = counted if len(counted) else by_length[-1:]
            batch = to_device(to_batch(collate([examples[int(i)] for i in asked], pad_id)), device)
            with torch.autocast(device.type, autocast, enabled=autocast is not None):
                measured = loss.rows(model, batch)
            if len(counted):
                rows[part] = measured.double()
            gauge.advance()
    whole = torch.zeros(len(examples), loss.columns, dtype=torch.float64, device=device)
    whole[torch.from_numpy(mine).to(device)] = rows
    found: Floats = sum_over_ranks(whole).cpu().numpy()
    return found


def _parts(examples: int, size: int) -> list[slice]:
    """Each micro-batch's part of a rank's examples; the last may be empty on some ranks."""
    largest_share = math.ceil(examples / world_size())
    return [slice(at, at + size) for at in range(0, largest_share, size)]
