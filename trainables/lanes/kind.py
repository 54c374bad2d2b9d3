"""Which trials can train side by side. Light: the board asks it, and imports no torch."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING

from trainables.config.trial import TrialConfig
from trainables.methods.lora import LoraConfig
from trainables.methods.qlora import QuantizationConfig

if TYPE_CHECKING:
    from trainables.training.inputs import Inputs


def why_alone(config: TrialConfig) -> str | None:
    """Why a trial cannot share a base with others; None if it can."""
    return next(_reasons(config), None)


def suits(config: TrialConfig, inputs: Inputs) -> bool:
    """Whether a trial can train in a lane, as far as is known without the model."""
    return why_alone(config) is None and not inputs.new_tokens


def kind_of(config: TrialConfig) -> Hashable:
    """Trials of one kind can share a pass through the base.

    They hold and compute the base alike, and their rows look alike. All else may differ.
    """
    quantized = config.settings(QuantizationConfig) if config.tunes.quantizes else None
    return (
        config.model_source,
        config.objective,
        config.precision,
        config.attention,
        quantized.model_dump_json() if quantized else None,
        config.gradient_checkpointing,
        config.label_smoothing,
        config.data.packing if config.data else None,
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
