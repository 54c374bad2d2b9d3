"""Small reward models on disk, with random weights."""

from __future__ import annotations

from pathlib import Path

from chat_training import SHAPE
from data_samples import tiny_tokenizer


def make_reward_model(folder: Path, template: str | None = None, **settings) -> Path:
    """A Llama with a head of one output, and a tokenizer with that chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    shape = {**SHAPE, "max_position_embeddings": 256, "num_labels": 1, **settings}
    torch.manual_seed(3)
    config = LlamaConfig(**shape)
    LlamaForSequenceClassification(config).to(config.dtype or torch.float32).save_pretrained(folder)
    tiny_tokenizer(chat_template=template).save_pretrained(folder)
    return folder
