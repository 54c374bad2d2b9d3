"""Full fine-tuning: all weights train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.methods.method import Method

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class Full(Method):
    """All weights train."""

    name = "full"
    trains_base = True
    draws = False
    learns_new_tokens = True

    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PreTrainedModel:
        """The base itself."""
        base.requires_grad_(True)
        return base


FULL = Full()
