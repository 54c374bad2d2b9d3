"""Sampling with a seed of its own for each sequence, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import LogitsProcessor


class GumbelNoise(LogitsProcessor):
    """Makes the likeliest token a sample from softmax(scores / temperature).

    The maximum of logits with Gumbel noise is such a sample (Gumbel 1954). The process's own random
    state is not touched.
    """

    def __init__(self, temperature: float, seed: int, numbers: Sequence[int]) -> None:
        self._temperature = temperature
        self._sources = [np.random.default_rng([seed, number]) for number in numbers]

    def __call__(self, input_ids: torch.LongTensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores of the next token, with noise."""
        noise = np.stack([each.gumbel(size=scores.shape[1]) for each in self._sources])
        return scores.float() / self._temperature + torch.from_numpy(noise).to(scores.device)
