"""The memory of a trial that answers prompts in training: models beside its own, and what answers
take while they are written."""

from __future__ import annotations

import math
from dataclasses import dataclass

from transformers import AutoConfig

from trainables.config.trial import TrialConfig
from trainables.models.skeleton import skeleton
from trainables.planning.inventory import Inventory
from trainables.training.base import DTYPES, is_scattered, loading_of
from trainables.training.inputs import Inputs
from trainables.training.scoring.reward_source import RewardSource

_DRAWING = 24
"""Bytes for each word of the vocabulary while a token is drawn: logits, log-probabilities, and
their cumulative sum in double precision."""


@dataclass(frozen=True)
class Answering:
    """Bytes on a worker: `beside` are held throughout, by frozen models other than the trial's;
    each of `at_once` answers (None: as a micro-batch has sequences) takes `per_answer` while it is
    written."""

    beside: int = 0
    per_answer: int = 0
    at_once: int | None = None

    def writing(self, micro_batch: int) -> int:
        """Those of the answers that are written at a time: the KV cache and the drawing."""
        return self.per_answer * (self.at_once or micro_batch)


NO_ANSWERS = Answering()


def answering_of(
    config: TrialConfig, inputs: Inputs, inventory: Inventory, workers: int, longest: int
) -> Answering:
    """Of an objective that answers its training prompts; nothing for others. `longest` are the
    tokens of a prompt with its answer."""
    if not config.learns.rolls_out:
        return NO_ANSWERS
    beside = sum(_weights(source) for source in inputs.reward_models.values())
    if not config.tunes.keeps_base(config):
        base = (
            inventory.frozen_bytes
            + loading_of(config).weights.itemsize * inventory.trained_elements
        )
        beside += math.ceil(base / workers) if is_scattered(config) else base
    return Answering(beside, _cache(config, inputs, longest), config.evaluation.batch_size)


def _weights(source: RewardSource) -> int:
    """The bytes of a reward model; 0 if it cannot be built without its weights."""
    model = skeleton(source.model, "reward", has_head=True, labels=1)
    if model is None:
        return 0
    elements: int = sum(each.numel() for each in model.parameters())
    return int(DTYPES[source.precision].itemsize) * elements


def _cache(config: TrialConfig, inputs: Inputs, length: int) -> int:
    """The bytes of an answer of the most tokens to the longest prompt: keys and values of all of
    them in each layer, in the precision that computes, and the drawing of one token."""
    model = inputs.model
    whole = AutoConfig.from_pretrained(
        str(model.folder or model.name),
        revision=model.revision,
        trust_remote_code=model.trust_remote_code,
    )
    text = whole.get_text_config()
    heads: int = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size: int = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    width: int = DTYPES[config.precision].itemsize
    kept: int = 2 * text.num_hidden_layers * heads * size * width
    drawing: int = _DRAWING * text.vocab_size
    return kept * length + drawing
