"""Methods whose adapters PEFT attaches to a frozen base and removes again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from search_spaces.problem import Problem
from trainables.core.errors import MisfitError
from trainables.methods.method import Method

if TYPE_CHECKING:
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class PeftMethod(Method):
    """A method attached by PEFT, with the configuration from `peft_config`."""

    @abstractmethod
    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration. MisfitError if the settings do not fit the model."""

    def misfits(self, base: PreTrainedModel, config: TrialConfig) -> Iterator[Problem]:
        """A model without the parts that the settings name."""
        yield from super().misfits(base, config)
        try:
            self.peft_config(base, config)
        except MisfitError as error:
            yield error.problem

    def attach(
        self, base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int]
    ) -> PeftModel:
        """PEFT's model around the base. The rows of `new_tokens` in the embeddings train too."""
        from peft import LoraConfig, TaskType, get_peft_model

        from trainables.architecture.head import head_modules
        from trainables.architecture.vocabulary import embeddings

        built = self.peft_config(base, config)
        if new_tokens:
            assert isinstance(built, LoraConfig), "other methods are refused"
            built.trainable_token_indices = {name: list(new_tokens) for name in embeddings(base)}
        built.task_type = TaskType.SEQ_CLS if config.learns.has_head else TaskType.CAUSAL_LM
        if config.learns.has_head and hasattr(built, "modules_to_save"):
            built.modules_to_save = head_modules(base)
        model = get_peft_model(base, built)
        _settle_head(model, config)
        return model


class VirtualTokens(PeftMethod):
    """A method that prepends trained virtual tokens to each sequence."""

    unmergeable = "its virtual tokens come before each input and are part of no weight of the model"

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """Packing: packed examples are not isolated behind virtual tokens."""
        yield from super().refusals(config)
        if config.data and config.data.packing:
            yield Problem(
                "data.packing",
                f"method {self.name} prepends virtual tokens to a sequence, so transformers cannot "
                "isolate its packed examples",
                "leave it out, or use another method",
            )


class TrainedEmbeddings(VirtualTokens):
    """A method that prepends trained embeddings to the text."""

    def refusals(self, config: TrialConfig) -> Iterator[Problem]:
        """A head: transformers cannot find the last token behind prepended embeddings."""
        yield from super().refusals(config)
        if config.learns.has_head:
            yield Problem(
                "method",
                f"{config.objective} reads the answer from the last token, which transformers "
                f"cannot find after the embeddings that {self.name} prepends",
                "use prefix, which adds no embeddings, or another method",
            )


def _settle_head(model: PeftModel, config: TrialConfig) -> None:
    """PEFT trains its adapters in float32 for any dtype of the base, but not a new head.

    In half precision small updates are lost, and Adam's epsilon is zero in fp16. DeepSpeed keeps
    float32 weights of its own, and ZeRO-3 requires one dtype for all trained weights.
    """
    from peft.utils import ModulesToSaveWrapper

    heads = [module for module in model.modules() if isinstance(module, ModulesToSaveWrapper)]
    if config.deepspeed is None:
        for head in heads:
            head.modules_to_save.float()
    elif heads and config.deepspeed.zero_stage == 3:
        dtype = next(heads[0].parameters()).dtype
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.to(dtype)
