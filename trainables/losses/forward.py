"""A model's outputs for a micro-batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainables.losses.batch import Batch
from trainables.losses.head import unwrapped
from trainables.losses.right_padding import padded_on_the_right

_INPUTS = ("input_ids", "attention_mask", "position_ids", "token_type_ids")


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Context with the model's dropout disabled; afterwards it is as before, also after an error:
    other trials may go on with the same base."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def logits_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """[sequences, length, words], without the prefix that prompt methods add."""
    rows, length = batch["input_ids"].shape
    output = output_of(model, batch)
    return output.reshape(rows, -1, output.shape[-1])[:, -length:]


def output_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """What the model returns as its logits: [sequences, labels] of a head for whole texts, else
    [sequences, length, words], with the prefix of prompt methods. All packs may be in one row.
    """
    inputs = {name: batch[name] for name in _INPUTS if name in batch}  # type: ignore[literal-required]
    # Without an attention mask, positions separate packed examples.
    if "position_ids" in batch and _separates_in_one_row_only(model):
        inputs = {name: each.reshape(1, -1) for name, each in inputs.items()}
    with padded_on_the_right():
        logits: torch.Tensor = model(**inputs).logits
    return logits


def _separates_in_one_row_only(model: torch.nn.Module) -> bool:
    """Whether it is flash attention, which reads the positions of a single row alone.

    Each row's positions start at 0, so that rows are separated like the examples in them.
    """
    return str(unwrapped(model).config._attn_implementation).startswith("flash")
