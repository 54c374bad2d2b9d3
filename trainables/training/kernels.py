"""How a trial's model is computed, for its record."""

from __future__ import annotations

import torch

from trainables.config.trial import TrialConfig
from trainables.losses.loss import Loss


def kernels(config: TrialConfig, model: torch.nn.Module, loss: Loss) -> dict[str, str]:
    """The tokens whose logits are computed, the kernel of attention, and what is compiled."""
    found = {
        "logits": loss.tokens.logits if loss.tokens else None,
        "attention": getattr(model.config, "_attn_implementation", None),
        "compile": "blocks" if config.compile else None,
    }
    return {name: value for name, value in found.items() if value}
