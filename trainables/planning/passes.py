"""The passes of trials, over tensors that have no memory: what their models are made of, and what a
pass over the longest training examples takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import PreTrainedModel

from trainables.architecture.vocabulary import with_tokens
from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.data.sets.training_set import Learned, training_set
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.tokenizer import embedding_rows, load_tokenizer, pad_id
from trainables.losses.batch import Batch
from trainables.losses.head import LanguageHead, head_module
from trainables.losses.make import make_loss
from trainables.losses.reference import Reference, ReferenceMemo
from trainables.losses.tokens import TokenLosses
from trainables.models.skeleton import kept_whole, skeleton
from trainables.objectives.policy import RlConfig
from trainables.planning.activations import (
    Activations,
    Passing,
    activations_of,
    activations_of_one,
)
from trainables.planning.inventory import Inventory, layers_in_4_bits, take
from trainables.planning.stretched import stretched
from trainables.training.base import loading_of
from trainables.training.inputs import Inputs
from trainables.training.rollouts.rollout import Rollout
from trainables.training.trainer import collated


@dataclass(frozen=True)
class Measured:
    """A trial's model, what its passes take, and the bytes of its largest 4-bit layer while a pass
    computes with it."""

    inventory: Inventory
    activations: Activations
    unpacking: int

    def towards(self, other: Measured, share: float) -> Measured:
        """What lies between two sizes of a method. ValueError if the models differ in kind."""
        return Measured(
            self.inventory.towards(other.inventory, share),
            self.activations.towards(other.activations, share),
            self.unpacking,
        )


class Passes:
    """Measures the passes of a sweep's trials."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._train = Examples(inputs.train)
        self._mix = Examples(inputs.mix) if inputs.mix else None
        tokenizer = load_tokenizer(inputs.tokenizer_source)
        self._pad_id = pad_id(tokenizer, embedding_rows(inputs.model))

    def longest(self, config: TrialConfig) -> int:
        """Tokens of the longest sequence that is trained on."""
        if config.learns.rolls_out:
            own, _ = training_set(config, self._train, self._mix).lengths
            return int(own.max()) + config.evaluation.max_new_tokens
        return self._train.longest

    def measured(self, config: TrialConfig) -> Measured:
        """ModelError if transformers cannot build the model without its weights."""
        passing, inventory = self._passing(config)
        found = activations_of(passing, lambda count: self._longest(config, count))
        return Measured(inventory, found, _unpacking(config, inventory))

    def of_length(self, config: TrialConfig, length: int) -> Measured:
        """The same, but for a pass over one example of so many tokens."""
        passing, inventory = self._passing(config)
        learned = training_set(config, self._train, self._mix)
        example = stretched(learned[self._place(learned)], length)
        found = activations_of_one(passing, collated([[example]], self._pad_id))
        return Measured(inventory, found, _unpacking(config, inventory))

    def _passing(self, config: TrialConfig) -> tuple[Passing, Inventory]:
        model, packed = self._bare(config)
        attached, inventory = take(model, config, packed, self._inputs.new_tokens)
        if config.deepspeed and config.precision != "fp32":
            attached = attached.to(model.dtype)
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        with mode:
            _place(attached.train())
            if config.gradient_checkpointing:
                model.activation_checkpointing_enable()
        words = _words(model)
        loss = make_loss(
            config,
            self._train,
            self._inputs.labels,
            self._no_reference,
            self._inputs.target,
            TokenLosses(LanguageHead(words, "none", 1.0)) if words else TokenLosses(),
        )
        virtual = config.tunes.virtual_tokens(config)
        return Passing(attached, config, loss, mode, words, virtual), inventory

    def _bare(self, config: TrialConfig) -> tuple[PreTrainedModel, list[str]]:
        """The base without weights as the trial holds it, and its layers in 4 bits."""
        source, head = self._inputs.model, config.learns.has_head
        labels = max(1, len(self._inputs.labels)) if head else None
        model = skeleton(source, config.objective, head, labels)
        if model is None:
            raise ModelError(
                f"model: {source.name} cannot be built without its weights, so its memory is not "
                "known before it is loaded"
            )
        if config.attention == "eager":
            model.set_attn_implementation("eager")
        loading = loading_of(config)
        model = with_tokens(model, self._inputs.new_tokens).to(loading.weights)
        model.requires_grad_(False)
        model.config.use_cache = False
        model.config.get_text_config().pad_token_id = self._pad_id
        if loading.quantization is None:
            return model, []
        from transformers.quantizers.base import get_keys_to_not_convert

        whole = kept_whole(source, head) or get_keys_to_not_convert(model)
        return model, layers_in_4_bits(model, whole)

    def _longest(self, config: TrialConfig, count: int) -> Batch:
        """A micro-batch of the longest of the training examples, `count` times."""
        learned = training_set(config, self._train, self._mix)
        if config.learns.rolls_out:
            return _longest_answers(config, learned, count, self._pad_id)
        return collated([[learned[self._place(learned)]] * count], self._pad_id)

    def _place(self, learned: Learned) -> int:
        """The place of the longest item."""
        own, replayed = learned.lengths
        return int(np.argmax(np.concatenate([own, *([replayed] if replayed is not None else [])])))

    def _no_reference(self) -> Reference:
        """One that is known already: the base's own pass, before the policy's, is smaller."""
        memo = ReferenceMemo(len(self._train), self._train.arity, torch.device("cpu"))
        memo.keep(np.arange(len(self._train)), torch.zeros(len(self._train), self._train.arity))
        return Reference(memo, _unused, together=False)


def _unpacking(config: TrialConfig, inventory: Inventory) -> int:
    return loading_of(config).weights.itemsize * max(inventory.packed, default=0)


def _place(model: torch.nn.Module) -> None:
    """Put weights and buffers on the CPU, under fake mode without memory. Tied ones stay tied.

    `Module.to_empty` swaps tensors, which those refuse that anything else refers to, as prompt
    methods refer to tied embeddings.
    """
    placed: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None:
                made = torch.nn.Parameter(torch.empty_like(old, device="cpu"), old.requires_grad)
                module._parameters[name] = placed.setdefault(id(old), made)  # type: ignore[assignment]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                empty = torch.empty_like(buffer, device="cpu")
                module._buffers[name] = placed.setdefault(id(buffer), empty)


def _longest_answers(config: TrialConfig, prompts: Learned, count: int, pad_id: int) -> Batch:
    """Answers to the longest prompt, none of which ended by itself."""
    own, _ = prompts.lengths
    asked, most = [pad_id] * int(own.max()), config.evaluation.max_new_tokens
    rollout = Rollout.of(0, [asked] * count, [[pad_id] * most] * count, [[0.0] * most] * count)
    if config.settings(RlConfig).beta:
        rollout.reference = rollout.sampled
    if config.learns.has_value_head:
        rollout.advantages = rollout.values = rollout.returns = rollout.sampled
    return rollout.batch(np.arange(count), pad_id)


def _unused(batch: Batch) -> torch.Tensor:
    raise AssertionError("all references are known")


def _words(model: PreTrainedModel) -> int:
    """The words of its head, if that can be asked apart: for a few families it cannot, which only
    their weights can tell."""
    if head_module(model) is None:
        return 0
    return int(model.get_output_embeddings().weight.shape[0])
