"""The memory that a trial needs on each of its workers, before any of them is started."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

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
from trainables.planning.activations import Activations, activations_of
from trainables.planning.answering import NO_ANSWERS, Answering, answering_of
from trainables.planning.inventory import Inventory, layers_in_4_bits, take
from trainables.planning.states import States, states_of
from trainables.training.base import loading_of
from trainables.training.inputs import Inputs
from trainables.training.rollouts.rollout import Rollout
from trainables.training.trainer import collated

CONTEXT = 600 * 2**20
"""Bytes that CUDA's context and libraries take on a GPU. An assumption, not measured here."""

SLACK = 0.03
"""Share of a GPU that torch's allocator leaves unused between its blocks. An assumption."""


@dataclass(frozen=True)
class Estimate:
    """One trial's memory on each worker: what it holds, and what a pass adds."""

    inventory: Inventory
    states: States
    activations: Activations
    unpacking: int = 0
    """Bytes of the largest 4-bit layer while a pass computes with it."""
    answering: Answering = NO_ANSWERS
    """What reinforcement learning holds besides."""

    def peak(self, micro_batch: int) -> int:
        """Bytes of tensors at the peak of a step of micro-batches of this size."""
        passing = self.activations.of(micro_batch) + self.unpacking
        stepping = self.states.gradients + self.states.step
        writing = self.answering.writing(micro_batch)
        resting = self.states.resting + self.answering.beside
        return resting + max(passing, stepping, writing)

    def parts(self, micro_batch: int) -> dict[str, int]:
        """The peak's terms in bytes, by name."""
        passing = self.activations.of(micro_batch) + self.unpacking
        gradients = self.states.gradients
        rest = max(passing - gradients, self.states.step)
        largest = "activations" if passing - gradients >= self.states.step else "optimizer step"
        writing = self.answering.writing(micro_batch)
        beside = {"models beside": self.answering.beside} if self.answering.beside else {}
        if writing > gradients + rest:
            gradients, rest, largest = 0, writing, "KV cache"
        return {
            "weights": self.states.weights,
            "fp32 copies": self.states.masters,
            "optimizer": self.states.optimizer,
            "buckets": self.states.buckets,
            "gradients": gradients,
            largest: rest,
            **beside,
        }

    def largest_micro_batch(self, room: int) -> int:
        """The most sequences of the longest kind that fit into `room` bytes; 0 if not one does."""
        if self.peak(1) > room:
            return 0
        per = max(1, self.activations.per_sequence)
        held = self.states.resting + self.answering.beside
        left = room - held - self.activations.fixed - self.unpacking
        most = max(1, left // per)
        if self.answering.per_answer and self.answering.at_once is None:
            most = min(most, max(1, (room - held) // self.answering.per_answer))
        return most


def usable(memory: int) -> int:
    """The bytes of a GPU of `memory` bytes that tensors can take."""
    return int((memory - CONTEXT) * (1 - SLACK))


class Planner:
    """Estimates for the trials of one sweep; one pass serves all that compute alike."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._train = Examples(inputs.train)
        self._mix = Examples(inputs.mix) if inputs.mix else None
        tokenizer = load_tokenizer(inputs.tokenizer_source)
        self._pad_id = pad_id(tokenizer, embedding_rows(inputs.model))
        self._known: dict[Hashable, tuple[Inventory, Activations, int]] = {}

    def longest(self, config: TrialConfig) -> int:
        """Tokens of the longest sequence that is trained on."""
        if config.learns.rolls_out:
            own, _ = training_set(config, self._train, self._mix).lengths
            return int(own.max()) + config.evaluation.max_new_tokens
        return self._train.longest

    def estimate(self, config: TrialConfig, workers: int) -> Estimate:
        """ModelError if transformers cannot build the model without its weights."""
        key = _alike(config)
        if key not in self._known:
            self._known[key] = self._measured(config)
        inventory, activations, unpacking = self._known[key]
        states = states_of(inventory, config, workers)
        if config.deepspeed and config.deepspeed.zero_stage >= 2:
            # Gradients that other ranks keep are freed as soon as they are reduced.
            freed = _gradients(inventory, config) - states.gradients
            fixed = max(states.gradients, activations.fixed - freed)
            activations = replace(activations, fixed=fixed)
        answering = answering_of(config, self._inputs, inventory, workers, self.longest(config))
        return Estimate(inventory, states, activations, unpacking, answering)

    def _measured(self, config: TrialConfig) -> tuple[Inventory, Activations, int]:
        model, packed = self._bare(config)
        attached, inventory = take(model, config, packed, self._inputs.new_tokens)
        if config.deepspeed and config.precision != "fp32":
            attached = attached.to(model.dtype)
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        with mode:
            _place(attached.train())
            if config.gradient_checkpointing:
                model.activation_checkpointing_enable()
        loss = make_loss(
            config,
            self._train,
            self._inputs.labels,
            self._no_reference,
            self._inputs.target,
            _tokens(model),
        )
        passes = activations_of(attached, config, loss, lambda n: self._longest(config, n), mode)
        width = model.dtype.itemsize
        return inventory, passes, width * max(inventory.packed, default=0)

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
        own, replayed = learned.lengths
        place = int(np.argmax(np.concatenate([own, *([replayed] if replayed is not None else [])])))
        return collated([[learned[place]] * count], self._pad_id)

    def _no_reference(self) -> Reference:
        """One that is known already: the base's own pass, before the policy's, is smaller."""
        memo = ReferenceMemo(len(self._train), self._train.arity, torch.device("cpu"))
        memo.keep(np.arange(len(self._train)), torch.zeros(len(self._train), self._train.arity))
        return Reference(memo, _unused, together=False)


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


def _tokens(model: PreTrainedModel) -> TokenLosses:
    """As a slot computes them, if the head can be asked apart: for a few families it cannot, which
    only their weights can tell."""
    if head_module(model) is None:
        return TokenLosses()
    words = model.get_output_embeddings().weight.shape[0]
    return TokenLosses(LanguageHead(words, "none", 1.0))


def _gradients(inventory: Inventory, config: TrialConfig) -> int:
    width = 4 if config.precision == "fp32" else 2
    return width * inventory.trained_elements


_MATTERS = ("objective", "method", "precision", "gradient_checkpointing", "data", "label_smoothing")


def _alike(config: TrialConfig) -> Hashable:
    """What two trials must share to have the same passes."""
    kinds = [config.tunes, config.learns]
    sections = [getattr(config, name).model_dump_json() for kind in kinds for name in kind.sections]
    own = [repr(getattr(config, name)) for name in _MATTERS]
    return (*own, *sections, config.neftune_noise > 0, config.deepspeed is not None)
