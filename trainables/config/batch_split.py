"""The split of an effective batch among workers and micro-batches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


def split_batch(batch_size: int, workers: int, most: int) -> tuple[int, int]:
    """(micro-batch, accumulation steps) whose product times `workers` is exactly `batch_size`.

    The micro-batch is the largest divisor of a worker's share that is at most `most`.
    """
    if batch_size % workers:
        raise ValueError(
            f"batch_size {batch_size} does not divide among {workers} workers; "
            f"use a multiple of {workers}, or set slots.workers to a divisor of {batch_size}"
        )
    share = batch_size // workers
    micro = max(size for size in divisors(share) if size <= most)
    return micro, share // micro


def divisors(share: int) -> list[int]:
    """The micro-batches into which a worker's share of a batch can be split."""
    lower = [size for size in range(1, math.isqrt(share) + 1) if share % size == 0]
    return sorted({size for low in lower for size in (low, share // low)})


def split_step(config: TrialConfig, workers: int) -> tuple[int, int]:
    """The same of the sequences that a step of a trial trains on: with groups of answers, of these.

    ValueError as above.
    """
    return split_batch(config.learns.step_size(config), workers, config.micro_batch_size)
