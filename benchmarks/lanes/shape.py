"""What is trained: a model, and the lanes, rows and tokens of a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.tiny_inputs import make_tokenizer
from sweeps.builtin.pretraining import Recipe
from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.data.tokens.examples import Example, write
from trainables.data.tokens.sequences import TokenSequence
from trainables.training.inputs import Inputs

_BUILTIN = Recipe()

MODELS: Mapping[str, dict[str, Any]] = {
    "260K": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 172,
        "num_hidden_layers": 5,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "max_position_embeddings": 512,
    },
    "builtin": {
        "vocab_size": _BUILTIN.vocabulary,
        "hidden_size": _BUILTIN.hidden,
        "intermediate_size": _BUILTIN.intermediate,
        "num_hidden_layers": _BUILTIN.layers,
        "num_attention_heads": _BUILTIN.heads,
        "num_key_value_heads": _BUILTIN.heads,
        "max_position_embeddings": _BUILTIN.context,
    },
    "17M": {
        "vocab_size": 8192,
        "hidden_size": 384,
        "intermediate_size": 1024,
        "num_hidden_layers": 8,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "max_position_embeddings": 512,
    },
}
"""Llamas with random weights, in the shapes of llama2.c's 260K, of builtin:pydoc, and of a larger
one."""

VALIDATION = 8
"""Passes of an evaluation of one lane."""


@dataclass(frozen=True)
class Shape:
    """So many lanes with micro-batches of `rows` sequences of one length, on one of `MODELS`."""

    model: str
    lanes: int
    rows: int
    tokens: int

    @classmethod
    def parse(cls, text: str) -> Shape:
        """From `str` of one; ValueError if it is none."""
        model, _, sizes = text.partition(":")
        if model not in MODELS or len(parts := sizes.split("x")) != 3:
            raise ValueError(f"{text} is no MODEL:LANESxROWSxTOKENS with a model of {[*MODELS]}")
        lanes, rows, tokens = map(int, parts)
        return cls(model, lanes, rows, tokens)

    def __str__(self) -> str:
        return f"{self.model}:{self.lanes}x{self.rows}x{self.tokens}"

    def configs(self, steps: int, evaluations: int = 1) -> list[TrialConfig]:
        """A trial for each lane: rank 8 on all linear layers, with unlike learning rates."""
        return [self._config(number, steps, evaluations) for number in range(self.lanes)]

    def inputs(self, folder: Path) -> Inputs:
        """The model and random sequences, written there."""
        config = LlamaConfig(**MODELS[self.model], tie_word_embeddings=True)
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder / "model")
        make_tokenizer(folder / "model")
        rng = np.random.default_rng(0)
        marks = [True] * self.tokens
        for name, count in (("train", 64), ("validation", VALIDATION * self.rows)):
            drawn = rng.integers(2, config.vocab_size, (count, self.tokens)).tolist()
            write(folder / name, [Example((TokenSequence.of(each, marks),)) for each in drawn])
        return Inputs(ModelSource(str(folder / "model")), folder / "train", folder / "validation")

    def _config(self, number: int, steps: int, evaluations: int) -> TrialConfig:
        return TrialConfig(
            model="model",
            data={"train": "unused"},
            method="lora",
            precision="fp32",
            budget={"steps": steps, "evaluations": evaluations},
            batch_size=self.rows,
            micro_batch_size=self.rows,
            learning_rate=1e-3 * (1 + number),
            seed=number,
        ).with_params({"lora.rank": 8})


SHAPES = tuple(
    Shape.parse(f"{model}:{sizes}")
    for model, all_sizes in {
        "260K": ("16x1x64", "8x1x128", "8x2x128", "8x4x256"),
        "builtin": ("8x1x64", "8x2x128"),
    }.items()
    for sizes in all_sizes
)
"""Those of the table."""
