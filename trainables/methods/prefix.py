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
    fits_by = ("prefix.virtual_tokens",)

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

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """A model without keys and values, or with a window narrower than the prefix."""
        from trainables.architecture.attention_cache import attention_cache

        found = list(super().misfits(base, config))
        yield from found
        kept = None if found else attention_cache(base)
        window = kept.window if kept else None
        count = config.settings(PrefixConfig).virtual_tokens
        if window is not None and count >= window:
            yield Problem(
                "prefix.virtual_tokens",
                f"{count} do not fit into the attention window of {type(base).__name__}, which is "
                f"{window} tokens in some layers, so the first of them would train nothing",
                f"use at most {window - 1}",
            )

    def remarks(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[str]:
        """A sliding window, behind which the prefix is out of sight."""
        from trainables.architecture.attention_cache import attention_cache

        yield from super().remarks(base, config)
        kept = attention_cache(base)
        window = kept.window if kept else None
        if window is not None and config.data and config.data.max_length >= window:
            yield (
                f"method prefix: layers of {type(base).__name__} attend to the last {window} "
                "tokens only, so there the prefix does not reach the rest of a longer sequence."
            )

    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration, with an encoder as wide as the model if `projection` is set."""
        from peft import PrefixTuningConfig

        from trainables.architecture.attention_cache import attention_cache

        settings, kept = config.settings(PrefixConfig), attention_cache(base)
        return PrefixTuningConfig(
            num_layers=kept.layers if kept else None,
            num_attention_heads=kept.heads if kept else None,
            token_dim=kept.heads * kept.width if kept else None,
            num_virtual_tokens=settings.virtual_tokens,
            prefix_projection=settings.projection,
            encoder_hidden_size=base.config.get_text_config().hidden_size,
        )


PREFIX = Prefix()
