"""The learning rate that usually suits LoRA, by a formula fitted on public sweeps.

`python -m benchmarks.priors` fits it and says how well it does on families that it has not seen.
Source: the Tinker Cookbook's sweeps of 35 models (Thinking Machines Lab, Apache-2.0): LoRA with
alpha 32, scaled by 1 / rank, on all linear layers; Adam, batches of 128, 780 steps of tulu3.
"""

from __future__ import annotations

HIDDEN_SIZES = (512, 16384)
"""Smallest and largest hidden size that the formula speaks for: a quarter of the smallest in the
table (2048), and twice the largest (8192)."""

HIGHEST_RANK = 128
"""The highest rank in the table, where losses were lowest in nearly all models."""

LORA_TO_FULL = 10.0
"""LoRA's best rate in that of full fine-tuning (Schulman et al. 2025, "LoRA Without Regret")."""

_AT, _BY_HIDDEN_SIZE, _BY_RANK = 2.0e-4, -0.22, 0.24


def usual_rate(hidden_size: int, rank: int) -> float | None:
    """The rate for a model of this hidden size; None where the formula does not speak for it."""
    low, high = HIDDEN_SIZES
    if not low <= hidden_size <= high:
        return None
    rate: float = _AT * (hidden_size / 4096) ** _BY_HIDDEN_SIZE * rank**_BY_RANK
    return rate
