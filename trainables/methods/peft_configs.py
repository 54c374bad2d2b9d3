"""TrialConfig -> PEFT's own configuration, for the methods that are PEFT's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peft import (
    LoraConfig,
    PeftConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    PromptTuningInit,
    TaskType,
)
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from trainables.config.trial import TrialConfig
from trainables.methods.bottleneck import BottleneckConfig
from trainables.models.modules import linear_modules_in, modules_named, sublayers
from trainables.models.vocabulary import embeddings


def peft_config(
    model: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int] = ()
) -> PeftConfig:
    """What `get_peft_model` needs to put the method of `config` on `model`."""
    built = _BUILDERS[config.method](model, config)
    if new_tokens:
        assert isinstance(built, LoraConfig), "other methods are refused"
        built.trainable_token_indices = {name: list(new_tokens) for name in embeddings(model)}
    has_head = config.objective in ("classification", "reward")
    built.task_type = TaskType.SEQ_CLS if has_head else TaskType.CAUSAL_LM
    return built


def _lora(model: PreTrainedModel, config: TrialConfig) -> PeftConfig:
    lora = config.lora
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=_targets(model, config),
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        init_lora_weights={"kaiming": True}.get(lora.init, lora.init),
        # GPT-2's layers keep their weights transposed.
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
    )


def _targets(model: PreTrainedModel, config: TrialConfig) -> Any:
    chosen = config.lora.target_modules
    if chosen == "all-linear":
        return "all-linear"
    if isinstance(chosen, tuple):
        # PEFT passes over a name that it does not find, as long as it finds another one.
        modules_named(model, chosen, "lora.target_modules")
        return list(chosen)
    return linear_modules_in(model, chosen)


def _adapter(model: PreTrainedModel, config: TrialConfig) -> PeftConfig:
    parts = {"houlsby": ("attention", "mlp"), "pfeiffer": ("mlp",)}[config.adapter.placement]
    return BottleneckConfig(
        target_modules=[name for part in parts for name in sublayers(model, part)],
        size=config.adapter.size,
        activation=config.adapter.activation,
    )


def _prefix(model: PreTrainedModel, config: TrialConfig) -> PeftConfig:
    return PrefixTuningConfig(
        num_virtual_tokens=config.prefix.virtual_tokens,
        prefix_projection=config.prefix.projection,
        encoder_hidden_size=model.config.get_text_config().hidden_size,
    )


def _prompt(model: PreTrainedModel, config: TrialConfig) -> PeftConfig:
    text = config.prompt.init_text
    return PromptTuningConfig(
        num_virtual_tokens=config.prompt.virtual_tokens,
        prompt_tuning_init=PromptTuningInit.TEXT if text else PromptTuningInit.RANDOM,
        prompt_tuning_init_text=text,
        tokenizer_name_or_path=model.config.name_or_path if text else None,
    )


def _ptuning(model: PreTrainedModel, config: TrialConfig) -> PeftConfig:
    return PromptEncoderConfig(
        num_virtual_tokens=config.ptuning.virtual_tokens,
        encoder_hidden_size=config.ptuning.hidden_size,
    )


_BUILDERS: Mapping[str, Callable[[PreTrainedModel, TrialConfig], PeftConfig]] = {
    "lora": _lora,
    "qlora": _lora,
    "adapter": _adapter,
    "prefix": _prefix,
    "prompt": _prompt,
    "ptuning": _ptuning,
}
