"""Small models of many architectures."""

from __future__ import annotations

import tiny_training as tiny


def small(kind, **settings):
    """A model of an architecture, of random weights large enough for examples to matter."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    shape = {
        "vocab_size": tiny.VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,
        "use_cache": False,
    }
    torch.manual_seed(0)
    config = CONFIG_MAPPING[kind](**{**shape, **settings})
    return AutoModelForCausalLM.from_config(config).float().eval()
