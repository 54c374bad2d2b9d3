"""The size of a model, which determines its parameters and its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A Qwen2 model with tied embeddings, in the terms of its config.json."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int

    @property
    def parameters(self) -> int:
        """Number of all parameters; the embeddings are also the head, so they count once."""
        of_keys = self.hidden // self.heads * self.kv_heads
        attention = 2 * self.hidden**2 + self.hidden + 2 * (self.hidden + 1) * of_keys
        block = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        return self.vocabulary * self.hidden + self.layers * block + self.hidden


QWEN_HALF_BILLION = Shape(896, 4864, 24, 14, 2, 151_936)
"""The shape of Qwen2.5-0.5B."""

EIGHT_BILLION = Shape(4096, 14336, 32, 32, 8, 128_256)
"""The shape of Llama 3's 8B, as a Qwen2 model, with one matrix as embeddings and head."""

SMALL = Shape(256, 768, 4, 8, 4, 2_048)
"""For checks that also run on a CPU."""

TINY = Shape(64, 128, 2, 4, 2, 512)
"""For rehearsals."""
