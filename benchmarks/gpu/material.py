"""Model, tokenizer and data of the checks, made on the spot: no network, no files to copy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from benchmarks.gpu.shape import EIGHT_BILLION, QWEN_HALF_BILLION, SMALL, TINY, Shape
from trainables.core.model_source import ModelSource
from trainables.data.tokens.prompts import Prompt, write_prompts
from trainables.data.tokens.sequences import Sequences, TokenSequence, write
from trainables.training.inputs import Inputs

VALIDATION = 2
"""Number of examples measured at an evaluation point: enough to show that it works."""


def main_shape(tiny: bool) -> Shape:
    """The model of most checks."""
    return TINY if tiny else QWEN_HALF_BILLION


def large_shape(tiny: bool) -> Shape:
    """The model of the checks of lanes with eight billion parameters."""
    return TINY if tiny else EIGHT_BILLION


def make_large_model(work: Path, tiny: bool) -> int:
    """Write it as "large" below `work`; its parameters."""
    return _make_model(work / "large", large_shape(tiny), torch.bfloat16)


def make_models(work: Path, tiny: bool) -> int:
    """Write both models below `work`; the parameters of the main one."""
    _make_model(work / "small", TINY if tiny else SMALL, torch.float32)
    return _make_model(work / "main", main_shape(tiny), torch.bfloat16)


def inputs(work: Path, length: int, tiny: bool) -> Inputs:
    """The main model with examples of `length` tokens."""
    return _inputs(work, "main", main_shape(tiny), length)


def small_inputs(work: Path, length: int, tiny: bool) -> Inputs:
    """The small model, in fp32, with examples of `length` tokens."""
    return _inputs(work, "small", TINY if tiny else SMALL, length)


def inputs_of(work: Path, model: str, length: int, tiny: bool) -> Inputs:
    """The main or the large model with examples of `length` tokens."""
    shape = large_shape(tiny) if model == "large" else main_shape(tiny)
    return _inputs(work, model, shape, length)


def asked_inputs(work: Path, prompt: int, answer: int, tiny: bool) -> Inputs:
    """The main model with prompts of `prompt` tokens, which it answers with about `answer`: of its
    vocabulary, one word in so many ends an answer."""
    shape = main_shape(tiny)
    found = _inputs(work, "main", shape, prompt + answer)
    for folder in (found.train, found.validation):
        words = (each.tokens[:prompt].astype(np.int64) for each in Sequences.open(folder))
        prompts = [Prompt(each, "", ("",)) for each in words]
        write_prompts(folder, prompts, range(0, shape.vocabulary, answer))
    return found


def _inputs(work: Path, model: str, shape: Shape, length: int) -> Inputs:
    folder = work / f"{model}-{length}"
    for name, count, seed in (("train", 16, 1), ("validation", VALIDATION, 2)):
        if not (folder / name).is_dir():
            write(folder / name, _sequences(shape.vocabulary, length, count, seed))
    return Inputs(ModelSource(str(work / model)), folder / "train", folder / "validation")


def _sequences(vocabulary: int, length: int, count: int, seed: int) -> list[TokenSequence]:
    """Sequences in which each word determines the next, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    sequences = []
    for word in rng.integers(2, vocabulary, count).tolist():
        words = [word]
        while len(words) < length:
            words.append((words[-1] * 5 + 3) % vocabulary)
        sequences.append(TokenSequence.of(words, [True] * length))
    return sequences


def _make_model(folder: Path, shape: Shape, dtype: torch.dtype) -> int:
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Qwen2ForCausalLM(config).to(dtype)
    model.save_pretrained(folder)
    words = Tokenizer(WordLevel({"w0": 0, "w1": 1}, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w1").save_pretrained(folder)
    return int(sum(weight.numel() for weight in model.parameters()))
