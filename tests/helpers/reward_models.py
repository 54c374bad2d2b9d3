"""Small reward models on disk, with random weights."""

from __future__ import annotations

from pathlib import Path

from data_samples import tiny_tokenizer


def make_reward_model(folder: Path, template: str | None = None, **settings) -> Path:
    """A Llama with a head of one output, and a tokenizer with that chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    shape = {
        "vocab_size": 320,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.2,
        "num_labels": 1,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    torch.manual_seed(3)
    config = LlamaConfig(**{**shape, **settings})
    LlamaForSequenceClassification(config).to(config.dtype or torch.float32).save_pretrained(folder)
    tiny_tokenizer(chat_template=template).save_pretrained(folder)
    return folder
