"""A value head beside a language model: what a critic expects, from the last hidden states."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

from trainables.core.errors import MisfitError

NAME = "value_head"
"""The submodule of a trial's model, its adapter included."""


class ValueHead(nn.Linear):
    """One number for each state, in float32: `start` before training."""

    def __init__(self, width: int, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(width, 1, dtype=dtype, device=device)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        self.start = 0.0
        """Added to all values. Far from the rewards, values would at first make advantages tell
        late tokens from early ones, whatever the answers."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """[states, width] -> [states]."""
        with torch.autocast(states.device.type, enabled=False):
            found = super().forward(states.to(self.weight.dtype))
        return found.squeeze(-1).float() + self.start


def add_value_head(model: nn.Module, base: PreTrainedModel, one_dtype: bool) -> None:
    """Put one on the trial's model, around or instead of the base.

    `one_dtype`: held as the other trained weights, as DeepSpeed requires, which keeps copies in
    float32; else in float32 itself, since half precision would lose small updates.
    """
    words = base.get_output_embeddings()
    if words is None:
        message = f"{type(base).__name__} has no language head, whose inputs a value head reads"
        raise MisfitError("objective", message, "use another model")
    trained = next(each for each in model.parameters() if each.requires_grad)
    width = int(getattr(words, "in_features", base.config.get_text_config().hidden_size))
    head = ValueHead(width, trained.dtype if one_dtype else torch.float32, trained.device)
    model.add_module(NAME, head)


def value_head(model: nn.Module) -> ValueHead | None:
    """That of a trial's model, if it has one."""
    head = getattr(model, NAME, None)
    assert head is None or isinstance(head, ValueHead)
    return head
