"""Fine-tuning methods: which parameters learn, and how they are put on and taken off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig as PeftLoraConfig
from peft import PeftModel, get_peft_model
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from trainables.config import LoraConfig, TrialConfig

PARTS = {"attention": ("attn", "attention"), "mlp": ("mlp", "feed_forward", "ffn")}
"""What the parts of a block are called in the architectures that people fine-tune."""


def keeps_base(config: TrialConfig) -> bool:
    """Whether the method leaves the base's weights bit for bit as they were."""
    return config.method == "lora"


def attach(base: PreTrainedModel, config: TrialConfig) -> PreTrainedModel | PeftModel:
    """The model that the trial trains, with requires_grad set on its trainable part only."""
    if config.method == "full":
        return base.requires_grad_(True)
    return get_peft_model(
        base,
        PeftLoraConfig(
            task_type="CAUSAL_LM",
            r=config.lora.rank,
            lora_alpha=config.lora.alpha,
            lora_dropout=config.lora.dropout,
            target_modules=_targets(base, config.lora),
            # GPT-2's layers keep their weights transposed.
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
        ),
    )


def detach(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The base as it was before `attach`; of a full fine-tune, the model itself."""
    if not isinstance(model, PeftModel):
        return model
    base = model.unload()
    # Both would stay on for every later trial, and the second would pile up.
    base.activation_checkpointing_disable()
    base.disable_input_require_grads()
    # PEFT leaves its mark behind and would warn at the next trial.
    vars(base).pop("peft_config", None)
    base._hf_peft_config_loaded = False
    return base


def save(
    model: PreTrainedModel | PeftModel, folder: Path, state: dict[str, torch.Tensor] | None
) -> None:
    """Write the trained part as safetensors: the adapter, or the whole model of a full fine-tune.

    `state` is the gathered state dict where ranks hold only shares of the weights.
    """
    # The cache is off only while we train; whoever loads the model wants to generate with it.
    model.config.use_cache = True
    model.save_pretrained(folder, state_dict=state)
    model.config.use_cache = False


def parameter_counts(model: torch.nn.Module) -> tuple[int, int]:
    """(trainable, total) numbers of parameters, also where ZeRO-3 has taken the weights away."""
    sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]
    return sum(n for n, trains in sizes if trains), sum(n for n, _ in sizes)


def _targets(base: PreTrainedModel, lora: LoraConfig) -> Any:
    if lora.target_modules == "all-linear":
        return "all-linear"
    if isinstance(lora.target_modules, tuple):
        return list(lora.target_modules)
    return _linear_modules_in(base, lora.target_modules)


def _linear_modules_in(base: PreTrainedModel, part: str) -> list[str]:
    names = [
        name
        for name, module in base.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
        and any(word in piece for piece in name.split(".")[:-1] for word in PARTS[part])
    ]
    if not names:
        raise ValueError(
            f"lora.target_modules {part!r} matches no linear layer of "
            f"{type(base).__name__}; use all-linear or list the modules' names"
        )
    return names
