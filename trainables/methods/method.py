"""The base class of tuning methods. Light: a method imports torch and PEFT where it needs them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from trainables.core.kind import Kind

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class Method(Kind):
    """One way to fine-tune a model: which parameters train, and with which settings.

    The registry finds module-level instances in this package.
    """

    trains_base: ClassVar[bool] = False
    """Whether weights of the base are trained, so that the whole model is saved."""

    quantizes: ClassVar[bool] = False
    """Whether it holds the base in 4 bits."""

    learns_new_tokens: ClassVar[bool] = False
    """Whether it can train the embeddings of new tokens."""

    @abstractmethod
    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PreTrainedModel | PeftModel:
        """The model that the trial trains, with requires_grad set on its trainable part only.

        ValueError if the settings do not fit the model.
        """

    def keeps_base(self, config: TrialConfig) -> bool:
        """Whether the base's weights stay bit-for-bit unchanged."""
        return not self.trains_base

    def virtual_tokens(self, config: TrialConfig) -> int:
        """The number of positions added before each sequence."""
        return 0

    def learning_rate_ratio(self, config: TrialConfig) -> float:
        """The ratio of the learning rates of an adapter's second and first matrix."""
        return 1.0
