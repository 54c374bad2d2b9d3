"""Model FLOPs utilisation: the model's own arithmetic over the card's maximum.

Per token, after PaLM (Chowdhery et al. 2022, arXiv:2204.02311, appendix B): 6 N + 12 L H T, of N
parameters, L layers, H hidden units and sequences of T tokens. The 6 are 2 in the forward pass, 2
for the gradients of activations and 2 for those of weights. Frozen weights need none of the last:
with LoRA it is 4 N for the base and 6 for each parameter of the adapters. Recomputation by
checkpointing and the unpacking of 4-bit weights do not count.
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
"""Card, as named by torch -> dense FLOP/s of its tensor cores in bf16 and fp16, summed in fp32;
from NVIDIA's data sheets."""

_WITHOUT_BF16 = re.compile(r"\bT4$")


def peak(card: str, precision: str) -> float | None:
    """Maximum FLOP/s of a card; None for an unknown card, or a precision that it lacks."""
    if precision == "fp32" or (precision == "bf16" and _WITHOUT_BF16.search(card)):
        return None
    return next((flops for name, flops in PEAKS if re.search(name, card)), None)


def flops_per_token(shape: Shape, length: int, adapters: int | None = None) -> float:
    """FLOPs per token of a full fine-tune, or of LoRA with `adapters` parameters."""
    attention = 12 * shape.layers * shape.hidden * length
    if adapters is None:
        return 6 * shape.parameters + attention
    return 4 * shape.parameters + 6 * adapters + attention
