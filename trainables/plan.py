"""A trial's plan: how its budget and effective batch become steps, micro-batches and an order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.batch_split import split_batch
from trainables.config import TrialConfig
from trainables.data.batches import order


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


def make_plan(config: TrialConfig, lengths: NDArray[np.int64], workers: int) -> Plan:
    """Plan a trial over training examples of these `lengths` (tokens each).

    The data order depends on data.seed alone: all trials of a sweep draw from the same stream, and
    a trial sees the same examples in each optimizer step on 1 worker and on 8. ValueError where
    batch_size does not divide among workers.
    """
    micro, accumulation = split_batch(config.batch_size, workers, config.micro_batch_size)
    steps = _steps(config, lengths)
    indices = order(len(lengths), steps * config.batch_size, _data_seed(config))
    per_step = lengths[indices].reshape(steps, config.batch_size).sum(axis=1)
    return Plan(
        steps=steps,
        evaluation_steps=evaluation_steps(steps, config.budget.evaluations),
        micro_batch_size=micro,
        accumulation=accumulation,
        order=indices,
        tokens_after=np.concatenate([[0], np.cumsum(per_step)]),
    )


def evaluation_steps(steps: int, evaluations: int) -> tuple[int, ...]:
    """Evenly spaced steps, the last at the end. With fewer steps than points some coincide."""
    return tuple(max(1, round(point * steps / evaluations)) for point in range(1, evaluations + 1))


def _steps(config: TrialConfig, lengths: NDArray[np.int64]) -> int:
    budget = config.budget
    if budget.steps is not None:
        return budget.steps
    if budget.tokens is not None:
        return _steps_for_tokens(config, lengths, budget.tokens)
    assert budget.epochs is not None, "TrialBudget sets one of its three measures"
    exactly = budget.epochs * len(lengths) / config.batch_size
    # 1.1 epochs of 10 are 11 sequences, though the product of the floats is a hair above.
    return max(1, math.ceil(exactly - 1e-6))


def _steps_for_tokens(config: TrialConfig, lengths: NDArray[np.int64], tokens: int) -> int:
    """The fewest whole steps whose sequences, in this trial's order, hold `tokens` tokens."""
    epochs = math.ceil(tokens / int(lengths.sum()))
    stream = lengths[order(len(lengths), epochs * len(lengths), _data_seed(config))]
    sequences = int(np.searchsorted(np.cumsum(stream), tokens)) + 1
    return math.ceil(sequences / config.batch_size)


def _data_seed(config: TrialConfig) -> int:
    assert config.data is not None, "an objective with data"
    return config.data.seed
