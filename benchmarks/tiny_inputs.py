"""A tiny Llama with random weights, and synthetic examples for every objective."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from trainables.core.model_source import ModelSource
from trainables.data.tokens.examples import Example, write
from trainables.data.tokens.prompts import Prompt, write_prompts
from trainables.data.tokens.sequences import TokenSequence
from trainables.objectives.registry import OBJECTIVES
from trainables.training.inputs import Inputs

VOCABULARY = 128
PROMPT = 2
"""Number of words at the beginning of each sequence that are not trained on."""

LABELS: Mapping[str, tuple[str, ...]] = {"classification": ("a", "b", "c"), "reward": ("reward",)}


def make_model(folder: Path, hidden: int = 64, layers: int = 2, length: int = 64) -> int:
    """Write a random Llama and a tokenizer of VOCABULARY words; returns the parameter count."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=length,
        initializer_range=0.1,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    make_tokenizer(folder)
    return int(sum(weight.numel() for weight in model.parameters()))


def make_tokenizer(folder: Path) -> None:
    """Write a tokenizer of VOCABULARY words."""
    words = {f"w{number}": number for number in range(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="w1").save_pretrained(folder)


def make_inputs(folder: Path, objective: str, model: Path) -> Inputs:
    """24 training and 8 validation examples for an objective, below `folder`."""
    for name, count, seed in (("train", 24, 1), ("validation", 8, 2)):
        sequences = _sequences(count + 1, seed)
        examples = [example(objective, n, sequences) for n in range(count)]
        write(folder / name, examples)
        if OBJECTIVES[objective].rolls_out:
            write_prompts(folder / name, [_asked(each.sequences[0]) for each in examples], [1])
    return inputs_in(folder, objective, model)


def inputs_in(folder: Path, objective: str, model: Path) -> Inputs:
    """The inputs made by `make_inputs`."""
    labels = LABELS.get(objective, ())
    return Inputs(ModelSource(str(model)), folder / "train", folder / "validation", labels)


def _asked(sequence: TokenSequence) -> Prompt:
    """The untrained words of a sequence, as a prompt with the others for its answer."""
    words = [f"w{token}" for token in sequence.tokens]
    question, answer = " ".join(words[:PROMPT]), " ".join(words[PROMPT:])
    return Prompt(sequence.tokens[:PROMPT].astype(np.int64), question, (answer,))


def _sequences(count: int, seed: int) -> list[TokenSequence]:
    rng = np.random.default_rng(seed)
    return [sequence(rng.integers(2, VOCABULARY, length)) for length in rng.integers(6, 25, count)]


def sequence(tokens: np.ndarray) -> TokenSequence:
    """Words of which all but the first PROMPT are trained on."""
    return TokenSequence.of(tokens.tolist(), [place >= PROMPT for place in range(len(tokens))])


def example(objective: str, number: int, sequences: list[TokenSequence]) -> Example:
    """The sequence of that number as an example of an objective."""
    own, other = sequences[number], sequences[number + 1]
    match objective:
        case "classification":
            return Example((own,), float(own.tokens[0] % 3))
        case "reward" | "dpo" | "orpo" | "simpo":
            return Example((own, sequence(np.flip(own.tokens))))
        case "clm":
            return Example((TokenSequence.of(own.tokens, [True] * len(own.tokens)),))
        case "kto":
            return Example((own, other), float(number % 2))
        case _:
            return Example((own,))
