"""The base class of tuning methods. Light: a method imports torch and PEFT where it needs them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from search_spaces.problem import Problem
from trainables.core.kind import Kind

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedConfig, PreTrainedModel

    from trainables.config.trial import TrialConfig
    from trainables.core.lookup import Lookup


class Method(Kind):
    """One way to fine-tune a model: which parameters train, and with which settings.

    The registry finds module-level instances in this package.
    """

    trains: ClassVar[bool] = True
    """Whether anything is trained; else the base itself is measured once."""

    trains_base: ClassVar[bool] = False
    """Whether weights of the base are trained, so that the whole model is saved."""

    draws: ClassVar[bool] = True
    """Whether the first values of what it trains are drawn at random."""

    quantizes: ClassVar[bool] = False
    """Whether it holds the base in 4 bits."""

    shares_base: ClassVar[bool] = False
    """Whether it adds low-rank products to layers of a base that other trials use meanwhile."""

    learns_new_tokens: ClassVar[bool] = False
    """Whether it can train the embeddings of new tokens."""

    fits_by: ClassVar[tuple[str, ...]] = ()
    """The fields that `misfits` and `remarks` read."""

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """Choices that are impossible with the model. `base` may have no weights (meta device)."""
        quantised = quantisation_of(base.config)
        if self.trains_base and quantised:
            yield Problem(
                "method",
                f"{self.name} trains the weights of {type(base).__name__}, which are quantised "
                f"already here ({quantised}) and cannot be trained",
                "use lora, or the same model with its weights in bf16",
            )

    def remarks(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[str]:
        """What a user should know of a possible choice with this model."""
        quantised = quantisation_of(base.config)
        if quantised:
            yield (
                f"method {self.name}: the weights of the model are quantised already ({quantised}) "
                "and stay as they are; only what the method adds is trained."
            )

    unmergeable: ClassVar[str | None] = None
    """Why its trained part cannot be merged into the base's weights; None if it can."""

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

    def lookup(self, config: TrialConfig) -> Lookup | None:
        """What it looks up for each prompt; None if prompts stay as they are."""
        return None

    def usual_rate(self, config: TrialConfig, hidden_size: int) -> float | None:
        """The learning rate that usually suits a chat model of this width; None if not known."""
        return None

    def learning_rate_ratio(self, config: TrialConfig) -> float:
        """The ratio of the learning rates of an adapter's second and first matrix."""
        return 1.0


def quantisation_of(config: PreTrainedConfig) -> str | None:
    """How a checkpoint's weights are quantised, in words; None if they are not."""
    found = getattr(config, "quantization_config", None)
    if found is None:
        return None
    held = found if isinstance(found, dict) else found.to_dict()
    method = str(getattr(held.get("quant_method"), "value", held.get("quant_method") or "unknown"))
    if held.get("load_in_4bit"):
        return f"{held.get('bnb_4bit_quant_type', 'fp4')} (bitsandbytes)"
    return f"int8 ({method})" if held.get("load_in_8bit") else method
