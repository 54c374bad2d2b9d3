"""LoRA on a base held in 4 bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen
from trainables.methods.lora import Lora, LoraConfig
from trainables.methods.method import quantisation_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

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
    fits_by = (*Lora.fits_by, "quantization.type")

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """A base that is quantised already, in another way than asked for."""
        yield from super().misfits(base, config)
        quantised = quantisation_of(base.config)
        if quantised is None:
            return
        kind = config.settings(QuantizationConfig).type
        held = quantised.split()[0]
        if held not in ("nf4", "fp4"):
            yield Problem(
                "method",
                f"qlora quantises a base to 4 bits, but {type(base).__name__} here is quantised "
                f"already ({quantised})",
                "use lora, which trains on the quantised weights",
            )
        elif held != kind:
            yield Problem(
                "quantization.type",
                f"is {kind}, but {type(base).__name__} here is quantised already ({quantised})",
                f"set quantization.type: {held}, or use lora",
            )

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
