"""A language model's head asked apart: at the target positions only, in parts."""

from __future__ import annotations

import trainables.core.light_bitsandbytes  # noqa: F401  # before PEFT

# isort: split
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

Finish = Literal["none", "times", "over", "capped"]
"""What a model does to its head's outputs: nothing, times or over a number, or a soft cap."""


@dataclass(frozen=True)
class LanguageHead:
    """How logits follow from the last hidden states: the head's outputs, finished with `value`."""

    words: int
    finish: Finish = "none"
    value: float = 1.0

    def finished(self, outputs: torch.Tensor) -> torch.Tensor:
        """The logits, computed in the dtype and the order in which models of transformers do."""
        match self.finish:
            case "times":
                return outputs * self.value
            case "over":
                return outputs / self.value
            case "capped":
                return torch.tanh(outputs / self.value) * self.value
        return outputs


Answers = Callable[[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]], torch.Tensor]
"""From the last hidden states, and the head, to what the model returns in place of logits."""


def head_module(model: torch.nn.Module) -> torch.nn.Module | None:
    """The head of a language model, however it is wrapped and adapted."""
    inner = unwrapped(model)
    language_model = inner.get_base_model() if isinstance(inner, PeftModel) else inner
    head: torch.nn.Module | None = language_model.get_output_embeddings()
    return head


def unwrapped(model: torch.nn.Module) -> PreTrainedModel | PeftModel:
    """The model inside of DDP or DeepSpeed's engine."""
    inner = model
    while not isinstance(inner, PreTrainedModel | PeftModel):
        inner = inner.get_submodule("module")
    return inner


@contextmanager
def answering(model: torch.nn.Module, answers: Answers) -> Iterator[None]:
    """Context in which the model's `logits` are `answers` from its last hidden states.

    The head is called by the model as ever, and the model by its wrappers, so that their hooks
    gather weights and reduce gradients. What the model makes of the head's outputs, of which it
    gets none, is replaced by the answers.
    """
    head = head_module(model)
    assert head is not None, "asked for the head of a model without one"
    own = vars(head).get("forward")  # hooked by a library
    forward = head.forward
    kept: list[torch.Tensor] = []

    def hide(_: torch.nn.Module, __: object, answer: torch.Tensor) -> torch.Tensor:
        kept.append(answer)
        return answer.new_empty((1, 1, 0))

    def show(_: torch.nn.Module, __: object, output: ModelOutput) -> ModelOutput:
        output["logits"] = kept.pop()
        return output

    head.forward = lambda hidden: answers(hidden, forward)
    # After the wrappers' hooks, which have registered with the answers by then.
    handles = [head.register_forward_hook(hide), unwrapped(model).register_forward_hook(show)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        del head.forward
        if own is not None:
            head.forward = own


def divisible(head: torch.nn.Module) -> bool:
    """Whether the head can be asked in several parts at little cost.

    Not if its layers' weights are gathered for each call, as ranks may have unequal numbers of
    parts; nor if each call assembles a whole matrix (PEFT's trained tokens).
    """
    if next(head.children(), None) is None:
        return True
    shared = any(hasattr(weight, "ds_id") for weight in head.parameters())
    return isinstance(head, LoraLayer) and not shared
