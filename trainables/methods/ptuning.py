"""P-tuning: trained embeddings made by a small network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.core.frozen import Frozen, PositiveInt
from trainables.methods.peft_method import TrainedEmbeddings

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class PTuningConfig(Frozen):
    """Trained embeddings made by a small network (Liu et al. 2021, arXiv:2103.10385)."""

    virtual_tokens: PositiveInt = 16
    hidden_size: PositiveInt = 128


class PTuning(TrainedEmbeddings):
    """P-tuning."""

    name = "ptuning"
    sections = {"ptuning": PTuningConfig}

    def virtual_tokens(self, config: TrialConfig) -> int:
        """`ptuning.virtual_tokens`."""
        return config.settings(PTuningConfig).virtual_tokens

    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration, with an encoder of `ptuning.hidden_size`."""
        from peft import PromptEncoderConfig

        settings = config.settings(PTuningConfig)
        return PromptEncoderConfig(
            num_virtual_tokens=settings.virtual_tokens,
            encoder_hidden_size=settings.hidden_size,
        )


PTUNING = PTuning()
