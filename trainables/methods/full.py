"""Full fine-tuning: all weights train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.methods.lora import LoraConfig
from trainables.methods.method import Method
from trainables.methods.usual_rate import LORA_TO_FULL, usual_rate

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class Full(Method):
    """All weights train."""

    name = "full"
    trains_base = True
    draws = False
    learns_new_tokens = True

    def usual_rate(self, config: TrialConfig, hidden_size: int) -> float | None:
        """A tenth of LoRA's at its usual rank."""
        rate = usual_rate(hidden_size, LoraConfig().rank)
        return None if rate is None else rate / LORA_TO_FULL

    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PreTrainedModel:
        """The base itself."""
        base.requires_grad_(True)
        return base


FULL = Full()
