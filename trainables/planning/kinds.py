"""What a tensor of a pass is, told by its shape and by the operation that made it."""

from __future__ import annotations

import math
from collections.abc import Collection

import torch

LOGITS = "logits"
"""Logits, their softmax and their gradients: tensors with a number for each word."""

ATTENTION = "attention"
"""What attention makes between its projections: its answers, and, without flash attention, scores
of each token for each other, their softmax and masks."""

_REST = ""


class Kinds:
    """Tells the tensors of one pass; `tokens` are those whose logits are computed at a time.

    `words` are those of the model's head, 0 if it has none, and `lengths` the tokens of a sequence,
    without and with those that a method puts before it. Weights, and so their gradients, are
    neither logits nor attention.
    """

    def __init__(self, model: torch.nn.Module, words: int, lengths: Collection[int]) -> None:
        shapes = [tuple(each.shape) for each in model.parameters()]
        self._weights = {*shapes, *(shape[::-1] for shape in shapes)}
        # A model as wide as its vocabulary has other tensors of that shape.
        as_wide = any(shape[-1:] == (words,) for shape in shapes)
        self._words, self._lengths = 0 if as_wide else words, {*lengths}
        self.tokens = 0

    def __call__(self, by: str, tensor: torch.Tensor) -> str:
        """The kind of a tensor that the operation `by` made; empty for all others."""
        shape = tuple(tensor.shape)
        if not by or shape in self._weights:
            return _REST
        if self._words and len(shape) > 1 and self._words in (shape[-1], shape[1]):
            self.tokens = max(self.tokens, math.prod(shape) // self._words)
            return LOGITS
        if "scaled_dot_product" in by or self._is_of_pairs(by, shape):
            return ATTENTION
        return _REST

    def _is_of_pairs(self, by: str, shape: tuple[int, ...]) -> bool:
        """Whether it has a number for each pair of tokens of a sequence."""
        stacked = len(shape) > 3 or (len(shape) == 3 and "bmm" in by)
        return stacked and {*shape[-2:]} <= self._lengths
