"""What passes over answers say of a policy, added up on the device until it is asked for."""

from __future__ import annotations

import torch

from trainables.core.ranks import sum_over_ranks
from trainables.losses.batch import Batch
from trainables.losses.policy import Pass, kl_estimate

NAMES = ("tokens", "entropy", "clipped", "value_loss", "fresh_tokens", "gap", "kl")
"""Sums over tokens; of the last three, over those of first passes only: there the policy is still
the one that wrote the answers."""


class Tally:
    """Sums over the tokens of the passes so far, on this rank."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(len(NAMES), dtype=torch.float64, device=device)

    def add(self, batch: Batch, seen: Pass) -> None:
        """Add a pass; nothing waits for the device."""
        count = torch.tensor(float(len(batch["targets"])), device=self._sums.device)
        fresh, none = "old" not in batch, torch.zeros_like(count)
        gap = (seen.log_probabilities - batch["sampled"]).abs().sum() if fresh else none
        known = fresh and "reference" in batch
        kl = kl_estimate(seen.log_probabilities, batch["reference"]).sum() if known else none
        values = none if seen.value_losses is None else seen.value_losses.sum()
        passed = (count, seen.entropies.sum(), seen.clipped.sum(), values)
        parts = (*passed, count if fresh else none, gap, kl)
        self._sums += torch.stack([each.double() for each in parts])

    def taken(self) -> dict[str, float]:
        """The sums over all ranks since it was last called. All ranks call it."""
        sums = sum_over_ranks(self._sums.clone()).tolist()
        self._sums.zero_()
        return dict(zip(NAMES, sums, strict=True))
