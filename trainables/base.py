"""The base model that stays loaded in a slot while trial after trial borrows it."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging as transformers_logging

from trainables.config import TrialConfig
from trainables.methods import keeps_base


class ModelError(ValueError):
    """A model that cannot be loaded, with the way out."""


class BaseModel:
    """One base model, loaded at most once per precision.

    A method that keeps the base borrows the loaded model itself. One that changes it (full
    fine-tuning, or any method under ZeRO-3, which takes the weights apart) gets a copy.
    """

    def __init__(self, name: str, revision: str | None, device: torch.device) -> None:
        self._name = name
        self._revision = revision
        self._device = device
        self._loaded: dict[torch.dtype, PreTrainedModel] = {}

    def lend(self, config: TrialConfig) -> PreTrainedModel:
        """The model for one trial, on the device, in the dtype that its precision asks for."""
        base = self._load(weights_dtype(config))
        return base if borrows_in_place(config) else copy.deepcopy(base)

    def forget(self) -> None:
        """Drop what is loaded; the next trial gets it anew."""
        self._loaded.clear()

    def _load(self, dtype: torch.dtype) -> PreTrainedModel:
        if dtype not in self._loaded:
            model = load_model(self._name, self._revision, dtype)
            self._loaded[dtype] = model.to(self._device)
        return self._loaded[dtype]


def borrows_in_place(config: TrialConfig) -> bool:
    """Whether a trial can train on the shared base without changing it."""
    zero3 = config.deepspeed is not None and config.deepspeed.zero_stage == 3
    return keeps_base(config) and not zero3


def weights_dtype(config: TrialConfig) -> torch.dtype:
    """bf16 holds the weights only where nothing is lost by it.

    That is a frozen base, or DeepSpeed, whose optimizer keeps fp32 master weights. The plain
    trainer's full fine-tune keeps fp32 weights and computes in bf16.
    """
    safe = keeps_base(config) or config.deepspeed is not None
    return torch.bfloat16 if config.precision == "bf16" and safe else torch.float32


def load_model(name: str, revision: str | None, dtype: torch.dtype) -> PreTrainedModel:
    """Load a causal language model from safetensors; ModelError names the way out."""
    transformers_logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            name,
            revision=revision,
            dtype=dtype,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError) as error:
        where = "folder" if Path(name).exists() else "hub model"
        first_line = str(error).strip().splitlines()[0]
        raise ModelError(f"model {name!r}: this {where} cannot be loaded: {first_line}") from error
    model.config.use_cache = False
    return model.requires_grad_(False)
