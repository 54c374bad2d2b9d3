"""Prompt tuning: trained embeddings before the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveInt
from trainables.methods.peft_method import TrainedEmbeddings

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class PromptConfig(Frozen):
    """Trained embeddings before the text (Lester et al. 2021, arXiv:2104.08691)."""

    virtual_tokens: PositiveInt = 16
    init_text: str | None = Field(
        default=None, description="text for the initial embeddings; unset: random tokens"
    )


class Prompt(TrainedEmbeddings):
    """Prompt tuning."""

    name = "prompt"
    sections = {"prompt": PromptConfig}

    def virtual_tokens(self, config: TrialConfig) -> int:
        """`prompt.virtual_tokens`."""
        return config.settings(PromptConfig).virtual_tokens

    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration, initialised from a text or at random."""
        from peft import PromptTuningConfig, PromptTuningInit

        settings = config.settings(PromptConfig)
        text = settings.init_text
        return PromptTuningConfig(
            num_virtual_tokens=settings.virtual_tokens,
            prompt_tuning_init=PromptTuningInit.TEXT if text else PromptTuningInit.RANDOM,
            prompt_tuning_init_text=text,
            tokenizer_name_or_path=base.config.name_or_path if text else None,
        )


PROMPT = Prompt()
