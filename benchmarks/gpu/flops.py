"""Model FLOPs utilisation: the model's own arithmetic over what the card could do at most.

Per token, after PaLM (Chowdhery et al. 2022, arXiv:2204.02311, appendix B): 6 N + 12 L H T, of N
parameters, L layers, H hidden units and sequences of T tokens. The 6 are 2 in the forward pass, 2
for the gradients of activations and 2 for those of weights. Frozen weights need none: with LoRA it
is 4 N for the base and 6 for each parameter of the adapters. What checkpointing computes twice does
not count, nor what it takes to unpack 4-bit weights.
"""

from __future__ import annotations

import re

from benchmarks.gpu.shape import Shape

PEAKS: tuple[tuple[str, float], ...] = (
    (r"H100 PCIe", 756e12),
    (r"H100 NVL", 835e12),
    (r"H100\b.*HBM3", 989e12),
    (r"\bH200$", 989e12),
    (r"\bA100\b", 312e12),
    (r"\bL4$", 121e12),
    (r"RTX 4090$", 165e12),
    (r"\bT4$", 65e12),
)
"""Card, as torch names it -> dense FLOP/s of its tensor cores in bf16 and fp16, summed in fp32; of
NVIDIA's data sheets."""

_WITHOUT_BF16 = re.compile(r"\bT4$")


def peak(card: str, precision: str) -> float | None:
    """FLOP/s of a card at most; None for one that is not known here, or a precision it lacks."""
    if precision == "fp32" or (precision == "bf16" and _WITHOUT_BF16.search(card)):
        return None
    return next((flops for name, flops in PEAKS if re.search(name, card)), None)


def flops_per_token(shape: Shape, length: int, adapters: int | None = None) -> float:
    """Of a full fine-tune, or of LoRA with so many parameters in its `adapters`."""
    attention = 12 * shape.layers * shape.hidden * length
    if adapters is None:
        return 6 * shape.parameters + attention
    return 4 * shape.parameters + 6 * adapters + attention
