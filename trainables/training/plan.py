"""A trial's plan: the steps, micro-batches and data order that follow from its budget and batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.config.batch_split import split_step
from trainables.config.budget import MOST_EXAMPLES, BatchRampConfig, TrialBudget
from trainables.config.trial import TrialConfig
from trainables.data.tokens.batches import mixed_order, order


@dataclass(frozen=True)
class Plan:
    """A trial's schedule of work, known before it starts and the same on every rank.

    `points` are the evaluation points: step -> number, in order. `order` holds the training
    examples' indices in order of use; those of step s end at `order[ends[s]]`, and
    `tokens_after[s]` is the number of tokens trained on until then (both are 0 for step 0).
    `micro_batch_size` is the largest that a worker holds; a step adds up `accumulation` of them.
    """

    points: Mapping[int, int]
    workers: int
    micro_batch_size: int
    accumulation: int
    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    tokens_after: NDArray[np.int64]

    @property
    def steps(self) -> int:
        """The number of optimizer steps."""
        return len(self.ends) - 1

    @property
    def batch_sizes(self) -> NDArray[np.int64]:
        """The number of examples in each step."""
        return np.diff(self.ends)

    @property
    def micro_batches(self) -> int:
        """The number of micro-batches: accumulation * workers per step, all of one size."""
        return self.steps * self.workers * self.accumulation

    def micro_batch(self, number: int) -> NDArray[np.int64]:
        """The indices of the examples of one micro-batch, counted from 0.

        With `workers` workers, worker r takes micro-batches r, r + workers, ...
        """
        step, piece = divmod(number, self.workers * self.accumulation)
        begin, end = int(self.ends[step]), int(self.ends[step + 1])
        size = (end - begin) // (self.workers * self.accumulation)
        return self.order[begin + piece * size : begin + (piece + 1) * size]


def make_plan(
    config: TrialConfig,
    lengths: NDArray[np.int64],
    workers: int,
    replayed: NDArray[np.int64] | None = None,
) -> Plan:
    """Plan a trial over training examples of these `lengths` (tokens each).

    `replayed` are the lengths of the replay set's examples, if one is mixed in; they are numbered
    after the others. An epoch has as many examples as the training set, whatever their source.
    The data order depends on data.order_seed alone (unset: data.seed): all trials of a sweep draw
    from the same stream, and a trial sees the same examples in each optimizer step on 1 worker and
    on 8. ValueError if batch_size does not divide among workers. Where an example becomes a group
    of answers, it comes as often in a row, and a batch as often as it is trained on.
    """
    micro, accumulation = split_step(config, workers)
    stream = Stream(config, lengths, replayed)
    sizes = batch_sizes(config, stream.wanted(config.budget), workers)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    indices = _drawn(config, stream, sizes)
    tokens = np.add.reduceat(stream.lengths[indices], ends[:-1], dtype=np.int64)
    return Plan(
        points=points_of(config.budget, sizes),
        workers=workers,
        micro_batch_size=micro,
        accumulation=accumulation,
        order=indices,
        ends=ends,
        tokens_after=np.concatenate([[0], np.cumsum(tokens)]),
    )


def _drawn(config: TrialConfig, stream: Stream, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The examples of all steps; groups stay together, and so do the steps on the same groups."""
    group, passes = config.learns.group_size(config), config.learns.passes(config)
    if group * passes == 1:
        return stream.first(int(sizes.sum()))
    fresh = stream.first(math.ceil(len(sizes) / passes) * config.batch_size)
    grouped = np.repeat(fresh.reshape(-1, config.batch_size), group, axis=1)
    return np.repeat(grouped, passes, axis=0)[: len(sizes)].reshape(-1)


def evaluation_points(steps: int, evaluations: int) -> dict[int, int]:
    """The evaluation points, evenly spaced and the last at the end: step -> number.

    At each point, number / evaluations of the budget is used, give or take half a point. With fewer
    steps than evaluations, each step is measured once and some numbers are left out.
    """
    if steps < evaluations:
        return {step: round(step * evaluations / steps) for step in range(1, steps + 1)}
    return {round(point * steps / evaluations): point for point in range(1, evaluations + 1)}


def points_of(budget: TrialBudget, sizes: NDArray[np.int64]) -> dict[int, int]:
    """The evaluation points of a trial with steps of these sizes.

    A budget in epochs or tokens is used up by examples: under a batch ramp, a third of them needs
    more than a third of the steps, and trials of other ramps must be measured at the same share.
    """
    if budget.steps is not None or (sizes == sizes[0]).all():
        return evaluation_points(len(sizes), budget.evaluations)
    reached = np.cumsum(sizes) / sizes.sum() * budget.evaluations  # after each step, in points
    nearest = np.rint(reached)
    steps: dict[int, int] = {}
    for point in range(1, budget.evaluations + 1):
        (near,) = np.nonzero(nearest == point)
        if len(near):  # else the steps here are longer than the distance of two points
            steps[point] = int(near[np.abs(reached[near] - point).argmin()]) + 1
    return {step: point for point, step in steps.items()}


class Stream:
    """The endless order of training examples, shared by all trials of a sweep."""

    def __init__(
        self,
        config: TrialConfig,
        lengths: NDArray[np.int64],
        replayed: NDArray[np.int64] | None = None,
    ) -> None:
        assert config.data is not None, "an objective with data"
        self._seed = config.data.order
        self._proportion = config.data.mix.proportion if config.data.mix else 0.0
        self._trained = len(lengths)
        self.lengths = lengths if replayed is None else np.concatenate([lengths, replayed])

    def first(self, count: int) -> NDArray[np.int64]:
        """The indices of the first `count` examples."""
        replayed = len(self.lengths) - self._trained
        if not replayed:
            return order(self._trained, count, self._seed)
        return mixed_order(self._trained, replayed, self._proportion, count, self._seed)

    def tokens(self, count: int) -> int:
        """The tokens of the first `count` examples."""
        return int(self.lengths[self.first(count)].sum())

    def wanted(self, budget: TrialBudget) -> int | None:
        """The fewest examples that use up a budget in epochs or tokens; None for one in steps."""
        if budget.tokens is not None:
            return self._holding(budget.tokens)
        if budget.epochs is None:
            return None
        # 1.1 epochs of 10 are 11 examples, though the product of the floats is slightly above.
        return math.ceil(budget.epochs * self._trained - 1e-6)

    def _holding(self, tokens: int) -> int:
        """The fewest examples, in this order, that hold `tokens` tokens."""
        _check_memory(tokens // int(self.lengths.max()))
        count = self._trained
        while (used := np.cumsum(self.lengths[self.first(count)]))[-1] < tokens:
            count *= 2
            _check_memory(count // 2)
        return int(np.searchsorted(used, tokens)) + 1


def ramp(ramped: BatchRampConfig, steps: int, batch_size: int, micro: int) -> NDArray[np.int64]:
    """The number of examples in each step: a linear ramp to `batch_size`, in whole micro-batches.

    The micro-batches grow, from 1 to `micro` examples, not their number, which is fixed in
    DeepSpeed's engine.
    """
    rising = max(1.0, ramped.fraction * steps)
    share = np.minimum(1.0, np.arange(steps) / rising)
    share = ramped.start_fraction + (1 - ramped.start_fraction) * share
    sizes = np.maximum(1, np.round(micro * share)).astype(np.int64)
    return sizes * (batch_size // micro)


def batch_sizes(config: TrialConfig, wanted: int | None, workers: int) -> NDArray[np.int64]:
    """The sizes of the fewest steps that hold `wanted` examples, or of budget.steps steps."""
    budget, batch_size = config.budget, config.batch_size
    if config.learns.rolls_out:
        return _group_sizes(config, wanted)
    micro, _ = split_step(config, workers)
    if config.batch_ramp.start_fraction < 1 and micro == 1:
        raise ValueError(
            f"batch_ramp grows the micro-batch, which is 1 for batch_size {batch_size} and "
            f"micro_batch_size {config.micro_batch_size}; raise micro_batch_size"
        )
    if wanted is None:
        assert budget.steps is not None, "TrialBudget sets one of its three measures"
        _check_memory(budget.steps * batch_size)
        return ramp(config.batch_ramp, budget.steps, batch_size, micro)
    _check_memory(wanted)
    steps = max(1, math.ceil(wanted / batch_size))
    sizes = ramp(config.batch_ramp, steps, batch_size, micro)
    while (missing := wanted - sizes.sum()) > 0:
        steps += math.ceil(missing / batch_size)
        sizes = ramp(config.batch_ramp, steps, batch_size, micro)
    _check_memory(int(sizes.sum()))  # a single step may be larger than the budget
    return sizes


def _group_sizes(config: TrialConfig, wanted: int | None) -> NDArray[np.int64]:
    """The numbers of answers in each step: groups of them, trained on several times."""
    passes, steps = config.learns.passes(config), config.budget.steps
    if wanted is not None:
        steps = passes * max(1, math.ceil(wanted / config.batch_size))
    assert steps is not None, "TrialBudget sets one of its three measures"
    size = config.learns.step_size(config)
    _check_memory(steps * size)
    return np.full(steps, size)


def _check_memory(examples: int) -> None:
    if examples > MOST_EXAMPLES:
        raise ValueError(
            f"the budget is {examples:,} examples for a trial, and at most {MOST_EXAMPLES:,} are "
            "planned; lower budget.steps, tokens or epochs, or batch_size"
        )
