"""How a trial's model is computed, for its record."""

from __future__ import annotations

import torch

from trainables.config.trial import TrialConfig
from trainables.losses.loss import Loss


def kernels(config: TrialConfig, model: torch.nn.Module, loss: Loss) -> dict[str, str]:
    """The tokens whose logits are computed, the kernel of attention, what is compiled, and the
    micro-batch if it was found."""
    found = {
        "logits": loss.tokens.logits if loss.tokens else None,
        "attention": getattr(model.config, "_attn_implementation", None),
        "compile": "blocks" if config.compile else None,
        "micro_batch_size": f"{config.micro_batch_size}" if config.micro_batch_grows else None,
    }
    return {name: value for name, value in found.items() if value}
