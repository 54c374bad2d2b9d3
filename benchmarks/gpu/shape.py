"""The size of a model, and what follows from it: its parameters and its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A Qwen2 model with tied embeddings, in the words of its config.json."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int

    @property
    def parameters(self) -> int:
        """All of them; the embeddings are the head as well, so they count once."""
        of_keys = self.hidden // self.heads * self.kv_heads
        attention = 2 * self.hidden**2 + self.hidden + 2 * (self.hidden + 1) * of_keys
        block = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        return self.vocabulary * self.hidden + self.layers * block + self.hidden


QWEN_HALF_BILLION = Shape(896, 4864, 24, 14, 2, 151_936)
"""Qwen2.5-0.5B's."""

SMALL = Shape(256, 768, 4, 8, 4, 2_048)
"""For what is done on a CPU as well."""

TINY = Shape(64, 128, 2, 4, 2, 512)
"""For rehearsals."""
