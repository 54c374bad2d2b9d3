"""LoRA on a base held in 4 bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen
from trainables.methods.lora import Lora, LoraConfig

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig


class QuantizationConfig(Frozen):
    """The 4-bit base of qlora (Dettmers et al. 2023, arXiv:2305.14314)."""

    type: Literal["nf4", "fp4"] = "nf4"
    double: bool = Field(default=True, description="also quantise the quantisation constants")
    compute_dtype: Literal["auto", "fp32", "fp16", "bf16"] = Field(
        default="auto",
        description="data type for computation in layers; auto: the trial's precision",
    )


class Qlora(Lora):
    """LoRA whose base is quantised."""

    name = "qlora"
    sections = {"lora": LoraConfig, "quantization": QuantizationConfig}
    quantizes = True
    refuses_by = ("lora.init", "lora.dora")

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """PiSSA; DoRA under ZeRO-3."""
        yield from super().refusals(config)
        lora, engine = config.settings(LoraConfig), config.deepspeed
        if lora.init == "pissa":
            yield Problem(
                "lora.init",
                "pissa decomposes the base's weights, but qlora holds them in 4 bits",
                "use lora.init: kaiming or gaussian with qlora",
            )
        if engine and engine.zero_stage == 3 and lora.dora:
            yield Problem(
                "lora.dora",
                "DoRA needs the norms of 4-bit weights, which ZeRO-3 partitions over the workers",
                "use zero_stage 2, or qlora without dora",
            )


QLORA = Qlora()
