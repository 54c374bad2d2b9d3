"""Tiny models of today's families, built from transformers' own configurations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel

VOCABULARY = 128
LAYERS = 2

Settings = Mapping[str, object]

_COMMON: Settings = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
}

_GROUPED: Settings = {"num_key_value_heads": 2, "head_dim": 8}

_EXPERTS: Settings = {
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
}

_LATENT: Settings = {
    "num_key_value_heads": 4,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
    "n_shared_experts": 1,
}

_MIXER: Settings = {"num_heads": 8, "head_dim": 8, "state_size": 8, "n_groups": 1, "chunk_size": 16}

FAMILIES: Mapping[str, tuple[str, Settings]] = {
    "Llama": ("llama", {"num_key_value_heads": 2}),
    "Qwen 2": ("qwen2", {"num_key_value_heads": 2}),
    "Qwen 3": ("qwen3", _GROUPED),
    "Qwen 3 MoE": ("qwen3_moe", {**_GROUPED, **_EXPERTS}),
    "Gemma 2": ("gemma2", {**_GROUPED, "sliding_window": 8}),
    "Gemma 3": ("gemma3_text", {**_GROUPED, "sliding_window": 8}),
    "Mistral": ("mistral", {**_GROUPED, "sliding_window": 8}),
    "Mixtral": ("mixtral", {**_GROUPED, **_EXPERTS}),
    "Phi-3": ("phi3", {"num_key_value_heads": 2, "sliding_window": 8}),
    "GPT-2": ("gpt2", {}),
    "GPT-NeoX": ("gpt_neox", {}),
    "Falcon": ("falcon", {}),
    "OPT": ("opt", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "BLOOM": ("bloom", {}),
    "OLMo 2": ("olmo2", {"num_key_value_heads": 2}),
    "DeepSeek-V3": ("deepseek_v3", _LATENT),
    "GLM-4": ("glm4", _GROUPED),
    "ChatGLM": ("glm", {**_GROUPED, "attention_bias": True}),
    "GPT-OSS": ("gpt_oss", {**_GROUPED, **_EXPERTS, "sliding_window": 8}),
    "Granite": ("granite", {"num_key_value_heads": 2}),
    "SmolLM3": ("smollm3", {"num_key_value_heads": 2}),
    "Mamba": ("mamba", {"state_size": 8}),
    "Mamba 2": ("mamba2", _MIXER),
    "Jamba": (
        "jamba",
        {
            "num_key_value_heads": 2,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 2,
            "expert_layer_offset": 1,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "mamba_d_state": 8,
            "mamba_dt_rank": 8,
        },
    ),
    "BERT": ("bert", {}),
    "RoBERTa": ("roberta", {"max_position_embeddings": 130}),
    "DeBERTa v3": (
        "deberta-v2",
        {
            "relative_attention": True,
            "position_buckets": 32,
            "pos_att_type": ["p2c", "c2p"],
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    ),
}
"""Name -> model type of transformers, and what differs from the common sizes."""

ENCODERS = ("BERT", "RoBERTa", "DeBERTa v3")


def config_of(family: str) -> PreTrainedConfig:
    """The configuration of a tiny model. Each family takes of the common sizes what it knows."""
    kind, settings = FAMILIES[family]
    built = CONFIG_MAPPING[kind]
    names = {**_COMMON, **settings}
    plain = built()
    known = {key: value for key, value in names.items() if hasattr(plain, key) or key in settings}
    return built(**known)


@torch.no_grad()
def random_weights(model: PreTrainedModel) -> None:
    """Weights large enough for the model's input to matter."""
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.1)
