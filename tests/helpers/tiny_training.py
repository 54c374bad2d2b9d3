"""What the training tests share: a random tiny Llama, sequences with a pattern, and a watcher."""

from __future__ import annotations

import dataclasses
import hashlib
from itertools import islice
from pathlib import Path

import numpy as np

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Monitor, Verdict
from trainables.core.model_source import ModelSource
from trainables.data.tokens.examples import Example
from trainables.data.tokens.examples import write as write_examples
from trainables.data.tokens.sequences import Sequences, TokenSequence, write
from trainables.training.checkpoints import NO_CHECKPOINTS
from trainables.training.inputs import Inputs

VOCABULARY = 64

PROMPT = 2
"""The untrained tokens that each of the sequences begins with."""

TRIAL = TrialConfig(
    model="tiny",
    data={"train": "unused"},
    precision="fp32",
    budget={"steps": 4, "evaluations": 2},
    batch_size=8,
    micro_batch_size=4,
    learning_rate=1e-2,
    warmup_fraction=0.25,
    lora={"rank": 4},
    seed=11,
)


def make_model(folder: Path) -> Path:
    """A Llama of 2 layers with random weights, and a tokenizer of 64 words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    words = {f"w{number}": number for number in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="w1").save_pretrained(folder)
    return folder


def make_sequences(folder: Path, count: int, seed: int) -> Path:
    """Sequences of very different lengths, each word deciding the next; the first two are asked
    and not answered, as in a chat."""
    rng = np.random.default_rng(seed)
    sequences = []
    for length in rng.integers(4, 25, size=count):
        tokens = [int(rng.integers(2, VOCABULARY))]
        while len(tokens) < length:
            tokens.append((tokens[-1] * 5 + 3) % VOCABULARY)
        sequences.append(TokenSequence.of(tokens, [place >= PROMPT for place in range(length)]))
    write(folder, sequences)
    return folder


def make_inputs(folder: Path) -> Inputs:
    """Model, 40 training sequences and 13 validation sequences below `folder`."""
    return Inputs(
        model=ModelSource(str(make_model(folder / "model"))),
        train=make_sequences(folder / "train", 40, seed=1),
        validation=make_sequences(folder / "validation", 13, seed=2),
    )


def make_pairs(inputs: Inputs, train: int, validation: int) -> Inputs:
    """So many sequences of each set in a folder of its own, each preferred to itself backwards."""
    folders = {}
    for side, count in (("train", train), ("validation", validation)):
        sequences = islice(Sequences.open(getattr(inputs, side)), count)
        folders[side] = getattr(inputs, side).with_name(f"{side}-pairs")
        write_examples(folders[side], (Example((each, backwards(each))) for each in sequences))
    return dataclasses.replace(inputs, **folders)


def backwards(sequence: TokenSequence) -> TokenSequence:
    """The same question, its answer from the end to the beginning."""
    tokens = [int(token) for token in sequence.tokens]
    return TokenSequence.of(tokens[:PROMPT] + tokens[PROMPT:][::-1], sequence.targets.tolist())


class Watcher(Monitor):
    """Keeps all evaluations; can stop the trial, and have the last weights and losses written."""

    def __init__(self, folder=None, stop_at_step=None, stop_after_point=None, how=Ending.STOPPED):
        self.seen = []
        self.steps = 0
        self._folder = folder
        self._stop_at_step = stop_at_step
        self._how = how
        self._stop_after_point = stop_after_point

    def evaluated(self, evaluation):
        self.seen.append(evaluation)
        return Verdict(
            go_on=evaluation.point != self._stop_after_point,
            weights=self._folder / "best" if self._folder else None,
            losses=self._folder / "losses.npz" if self._folder else None,
        )

    def asked_to_end(self):
        self.steps += 1
        return self._how if self.steps == self._stop_at_step else None

    @property
    def losses(self):
        return [evaluation.metrics["eval_loss"] for evaluation in self.seen]


def run_trial(workshop, watcher=None, checkpoints=NO_CHECKPOINTS, /, **params):
    """Train TRIAL with `params` (`lora__rank` for "lora.rank") changed: outcome and watcher."""
    watcher = watcher or Watcher()
    return workshop.train(trial(**params), watcher, checkpoints), watcher


def loads_seen_by(monkeypatch):
    """The models that are loaded from now on, in a list that grows."""
    from trainables.training import base

    load_model, loaded = base.load_model, []

    def watched(source, *rest):
        loaded.append(source)
        return load_model(source, *rest)

    monkeypatch.setattr(base, "load_model", watched)
    return loaded


def measured(model, folder, micro_batch_size=4, autocast=None):
    """The language-modelling scores of a model on a folder of examples."""
    import torch

    from trainables.data.tokens.examples import Examples
    from trainables.losses.causal_lm import CausalLm
    from trainables.losses.loss import measure

    cpu = torch.device("cpu")
    return measure(CausalLm(), model, Examples(folder), micro_batch_size, 0, cpu, autocast)


def trial(**params) -> TrialConfig:
    """TRIAL with `params` (`lora__rank` for "lora.rank") changed."""
    return TRIAL.with_params({name.replace("__", "."): value for name, value in params.items()})


def fingerprint(model) -> str:
    """A hash of the names, shapes and bits of all weights."""
    import torch

    digest = hashlib.sha256()
    for name, weight in model.state_dict().items():
        digest.update(f"{name}{tuple(weight.shape)}{weight.dtype}".encode())
        digest.update(weight.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
