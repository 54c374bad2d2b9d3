"""Prefix tuning: trained keys and values before each layer's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from search_spaces.problem import Problem
from trainables.core.frozen import Frozen, PositiveInt
from trainables.methods.peft_method import VirtualTokens

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class PrefixConfig(Frozen):
    """Trained keys and values before each layer's own (Li & Liang 2021, arXiv:2101.00190)."""

    virtual_tokens: PositiveInt = 16
    projection: bool = Field(
        default=False, description="train the prefix through a two-layer network, as in the paper"
    )


class Prefix(VirtualTokens):
    """Prefix tuning."""

    name = "prefix"
    sections = {"prefix": PrefixConfig}
    refuses_by = ("gradient_checkpointing",)

    def virtual_tokens(self, config: TrialConfig) -> int:
        """`prefix.virtual_tokens`."""
        return config.settings(PrefixConfig).virtual_tokens

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Gradient checkpointing."""
        yield from super().refusals(config)
        if config.gradient_checkpointing:
            yield Problem(
                "gradient_checkpointing",
                "the second forward pass would see the prefix twice",
                "leave it out with method prefix",
            )

    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration, with an encoder as wide as the model if `projection` is set."""
        from peft import PrefixTuningConfig

        settings = config.settings(PrefixConfig)
        return PrefixTuningConfig(
            num_virtual_tokens=settings.virtual_tokens,
            prefix_projection=settings.projection,
            encoder_hidden_size=base.config.get_text_config().hidden_size,
        )


PREFIX = Prefix()
