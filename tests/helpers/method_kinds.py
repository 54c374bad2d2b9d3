"""Every tuning method, and its trainable parameters on the tiny Llama in closed form."""

from __future__ import annotations

HIDDEN, INNER, KV, WORDS, LAYERS = 32, 48, 16, 64, 2


LINEAR = [(HIDDEN, HIDDEN)] * 2 + [(HIDDEN, KV)] * 2 + [(HIDDEN, INNER)] * 2 + [(INNER, HIDDEN)]


BLOCK = sum(a * b for a, b in LINEAR) + 2 * HIDDEN


LORA = LAYERS * sum(4 * (a + b) for a, b in LINEAR)


MAGNITUDES = LAYERS * sum(b for _, b in LINEAR)


BOTTLENECK = 2 * HIDDEN * 8 + 8 + HIDDEN


KINDS = {
    # The trainable parameters of each, in closed form.
    "full": ({"method": "full"}, 2 * WORDS * HIDDEN + LAYERS * BLOCK + HIDDEN),
    "freeze": ({"method": "freeze", "freeze__last_blocks": 1}, BLOCK),
    "freeze, named": (
        {
            "method": "freeze",
            "freeze__last_blocks": 0,
            "freeze__modules": ["lm_head", "model.norm"],
        },
        WORDS * HIDDEN + HIDDEN,
    ),
    "lora": ({}, LORA),
    "rslora": ({"lora__rslora": True}, LORA),
    "dora": ({"lora__dora": True}, LORA + MAGNITUDES),
    "pissa": ({"lora__init": "pissa"}, LORA),
    "gaussian": ({"lora__init": "gaussian"}, LORA),
    "lora+": ({"lora__learning_rate_ratio": 4.0, "learning_rate": 1e-3}, LORA),
    "qlora nf4": ({"method": "qlora"}, LORA),
    "qlora fp4": (
        {"method": "qlora", "quantization__type": "fp4", "quantization__double": False},
        LORA,
    ),
    "pfeiffer": ({"method": "adapter", "adapter__size": 8}, LAYERS * BOTTLENECK),
    "houlsby": (
        {"method": "adapter", "adapter__size": 8, "adapter__placement": "houlsby"},
        2 * LAYERS * BOTTLENECK,
    ),
    # A key and a value of the KV heads' width in each layer.
    "prefix": ({"method": "prefix", "prefix__virtual_tokens": 4}, 4 * LAYERS * 2 * KV),
    "prefix, projected": (
        {"method": "prefix", "prefix__virtual_tokens": 4, "prefix__projection": True},
        4 * KV + (KV + 1) * HIDDEN + (HIDDEN + 1) * LAYERS * 2 * KV,
    ),
    "prompt": ({"method": "prompt", "prompt__virtual_tokens": 4}, 4 * HIDDEN),
    "prompt, from text": (
        {"method": "prompt", "prompt__virtual_tokens": 4, "prompt__init_text": "w3 w4"},
        4 * HIDDEN,
    ),
    "ptuning": (
        {"method": "ptuning", "ptuning__virtual_tokens": 4, "ptuning__hidden_size": 24},
        4 * HIDDEN + (HIDDEN + 1) * 24 + (24 + 1) * 24 + (24 + 1) * HIDDEN,
    ),
}
