"""Sampling of answers to train on: one uniform number for each token, with its log-probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import LogitsProcessor

Key = tuple[int, ...]
"""What an answer's random numbers derive from: (seed, rollout, prompt, sample)."""


class Drawing(LogitsProcessor):
    """Makes the likeliest token a sample from softmax(scores / temperature).

    The token is where the cumulative distribution passes a uniform number. Each answer has a source
    of its own, so that neither its batch nor the process's random state matters. Of a whole batch
    one number per answer comes from the host at each token.
    """

    def __init__(self, temperature: float, keys: Sequence[Key]) -> None:
        self._temperature = temperature
        self._sources = [np.random.default_rng(key) for key in keys]
        self.log_probabilities: list[torch.Tensor] = []
        """Those of the drawn tokens, one tensor [answers] for each place."""

    def __call__(self, input_ids: torch.LongTensor, scores: torch.Tensor) -> torch.Tensor:
        """0 for the drawn token, minus infinity for all others."""
        every = torch.log_softmax(scores.float() / self._temperature, -1)
        # In double precision the sum over a large vocabulary is exact enough to reach its end.
        reached = every.double().exp().cumsum(-1)
        uniform = torch.tensor([[each.random()] for each in self._sources], dtype=torch.float64)
        wanted = uniform.to(scores.device) * reached[:, -1:]
        drawn = torch.searchsorted(reached, wanted, right=True).clamp(max=scores.shape[1] - 1)
        self.log_probabilities.append(every.gather(1, drawn).squeeze(1))
        return torch.full_like(scores, -torch.inf).scatter(1, drawn, 0.0)
