"""A model's outputs for a micro-batch."""

from __future__ import annotations

import torch

from trainables.losses.batch import Batch
from trainables.losses.right_padding import padded_on_the_right


def logits_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """[sequences, length, words], without the prefix that prompt methods add."""
    return output_of(model, batch)[:, -batch["input_ids"].shape[1] :]


def head_outputs(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """[sequences, labels]: outputs of a head."""
    return output_of(model, batch)


def output_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """What the model returns as its logits."""
    # Without an attention mask, positions separate packed examples.
    placing: dict[str, torch.Tensor] = {}
    if "attention_mask" in batch:
        placing["attention_mask"] = batch["attention_mask"]
    if "position_ids" in batch:
        placing["position_ids"] = batch["position_ids"]
    if "token_type_ids" in batch:
        placing["token_type_ids"] = batch["token_type_ids"]
    with padded_on_the_right():
        logits: torch.Tensor = model(input_ids=batch["input_ids"], **placing).logits
    return logits
