"""A trial's plan: how its budget and effective batch become steps, micro-batches and an order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.config import TrialConfig
from trainables.data.batches import mixed_order, order


@dataclass(frozen=True)
class Plan:
    """What a trial will do, known before it starts and the same on every rank.

    `order` holds the training sequences' indices in the order of their use, steps * batch_size of
    them; `tokens_after[s]` are the tokens trained on after s optimizer steps.
    """

    steps: int
    evaluation_steps: tuple[int, ...]
    micro_batch_size: int
    accumulation: int
    order: NDArray[np.int64]
    tokens_after: NDArray[np.int64]

    def points_at(self, step: int) -> list[int]:
        """The evaluation points (from 1) that fall on this step."""
        return [i + 1 for i, at in enumerate(self.evaluation_steps) if at == step]


def make_plan(
    config: TrialConfig,
    lengths: NDArray[np.int64],
    workers: int,
    replayed: NDArray[np.int64] | None = None,
) -> Plan:
    """Plan a trial over training examples of these `lengths` (tokens each).

    Those of the replay set, where one is mixed in, have the lengths `replayed`, and follow in the
    numbering. An epoch is as many examples as the training set has, wherever they come from.
    The data order depends on data.seed alone: all trials of a sweep draw from the same stream, and
    a trial sees the same examples in each optimizer step on 1 worker and on 8. ValueError where
    batch_size does not divide among workers.
    """
    micro, accumulation = split_batch(config.batch_size, workers, config.micro_batch_size)
    stream = _Stream(config, lengths, replayed)
    steps = _steps(config, stream)
    indices = stream.first(steps * config.batch_size)
    per_step = stream.lengths[indices].reshape(steps, config.batch_size).sum(axis=1)
    return Plan(
        steps=steps,
        evaluation_steps=evaluation_steps(steps, config.budget.evaluations),
        micro_batch_size=micro,
        accumulation=accumulation,
        order=indices,
        tokens_after=np.concatenate([[0], np.cumsum(per_step)]),
    )


def split_batch(batch_size: int, workers: int, most: int) -> tuple[int, int]:
    """(micro-batch, accumulation steps) whose product times `workers` is exactly `batch_size`.

    The micro-batch is the largest divisor of a worker's share that is not above `most`.
    """
    if batch_size % workers:
        raise ValueError(
            f"batch_size {batch_size} does not divide among {workers} workers; "
            f"use a multiple of {workers}, or set slots.workers to a divisor of {batch_size}"
        )
    share = batch_size // workers
    micro = max(size for size in range(1, min(share, most) + 1) if share % size == 0)
    return micro, share // micro


def evaluation_steps(steps: int, evaluations: int) -> tuple[int, ...]:
    """Evenly spaced steps, the last at the end. With fewer steps than points some coincide."""
    return tuple(max(1, round(point * steps / evaluations)) for point in range(1, evaluations + 1))


class _Stream:
    """The endless order in which all trials of a sweep see the training examples."""

    def __init__(
        self, config: TrialConfig, lengths: NDArray[np.int64], replayed: NDArray[np.int64] | None
    ) -> None:
        assert config.data is not None, "an objective with data"
        self._seed = config.data.seed
        self._proportion = config.data.mix.proportion if config.data.mix else 0.0
        self.trained = len(lengths)
        self.lengths = lengths if replayed is None else np.concatenate([lengths, replayed])

    def first(self, count: int) -> NDArray[np.int64]:
        """The indices of the first `count` examples."""
        replayed = len(self.lengths) - self.trained
        if not replayed:
            return order(self.trained, count, self._seed)
        return mixed_order(self.trained, replayed, self._proportion, count, self._seed)


def _steps(config: TrialConfig, stream: _Stream) -> int:
    budget = config.budget
    if budget.steps is not None:
        return budget.steps
    if budget.tokens is not None:
        return _steps_for_tokens(config, stream, budget.tokens)
    assert budget.epochs is not None, "TrialBudget sets one of its three measures"
    exactly = budget.epochs * stream.trained / config.batch_size
    # 1.1 epochs of 10 are 11 sequences, though the product of the floats is a hair above.
    return max(1, math.ceil(exactly - 1e-6))


def _steps_for_tokens(config: TrialConfig, stream: _Stream, tokens: int) -> int:
    """The fewest whole steps whose sequences, in this trial's order, hold `tokens` tokens."""
    count = stream.trained
    while (used := np.cumsum(stream.lengths[stream.first(count)]))[-1] < tokens:
        count *= 2
    return math.ceil((int(np.searchsorted(used, tokens)) + 1) / config.batch_size)
