"""Which trials can train side by side. Light: the board asks it, and imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.methods.lora import LoraConfig
from trainables.methods.qlora import QuantizationConfig

if TYPE_CHECKING:
    from trainables.training.inputs import Inputs


@dataclass(frozen=True)
class LaneKind:
    """Trials of one kind can share a pass through the base: they hold and compute the base alike,
    and their rows look alike. All else may differ. As text, it is the name on record: unlike kinds
    have unlike names."""

    objective: str
    precision: str
    attention: str
    quantization: str
    gradient_checkpointing: bool
    label_smoothing: float
    packing: bool
    model: ModelSource

    def __str__(self) -> str:
        words = {each.name: getattr(self, each.name) for each in fields(self)}
        source = words.pop("model")  # quoted, since its name may have any letters
        words |= {"model": repr(source.name), "revision": repr(source.revision)}
        words["trust_remote_code"] = source.trust_remote_code
        return ", ".join(f"{name} {value}" for name, value in words.items())


def why_alone(config: TrialConfig) -> str | None:
    """Why a trial cannot share a base with others; None if it can."""
    return next(_reasons(config), None)


def suits(config: TrialConfig, inputs: Inputs) -> bool:
    """Whether a trial can train in a lane, as far as is known without the model."""
    return why_alone(config) is None and not inputs.new_tokens


def kind_of(config: TrialConfig) -> LaneKind:
    """The kind of a trial."""
    quantized = config.settings(QuantizationConfig).model_dump() if config.tunes.quantizes else {}
    return LaneKind(
        objective=config.objective,
        precision=config.precision,
        attention=config.attention,
        quantization=" ".join(f"{name}={value}" for name, value in quantized.items()) or "none",
        gradient_checkpointing=config.gradient_checkpointing,
        label_smoothing=config.label_smoothing,
        packing=config.data is not None and config.data.packing,
        model=config.model_source,
    )


def _reasons(config: TrialConfig) -> Iterator[str]:
    lora = config.settings(LoraConfig)
    if not config.tunes.shares_base:
        yield f"method {config.method} has no adapters that could share a base"
    if not config.learns.scores_single_rows:
        yield f"objective {config.objective} has a loss of more than single rows"
    if config.deepspeed is not None:
        yield "DeepSpeed holds one trial's weights"
    if lora.dora:
        yield "lora.dora scales whole columns of the base's weights"
    if lora.init == "pissa":
        yield "lora.init: pissa changes the base"
    if config.compile:
        yield "compile compiles the base for one adapter"
    if config.neftune_noise:
        yield "neftune_noise is drawn for whole batches"
    if config.precision == "fp16":
        yield "precision: fp16 scales the loss of whole batches"
