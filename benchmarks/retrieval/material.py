"""Two sets of towns on disk: one from which a tiny model learns to read, and one of which it knows
nothing; and that model, still untrained."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.retrieval.facts import LANGUAGES, Fact, Town, towns
from sweeps.builtin.tokenizer import BOS, EOS, PAD, train_tokenizer

TOWNS = {"known": 300, "unknown": 100}
"""For each language."""

ASKED = 200
"""Questions in a validation set, over both languages."""

CONTEXT = 256
VOCABULARY = 512

PROMPT = "### User:\n{instruction}\n\n### Assistant:\n{output}"
"""The template `plain`."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The texts, the questions to learn from, and those that are asked."""

    knowledge: Path
    train: Path
    asked: Path


def written(folder: Path, seed: int) -> dict[str, Questions]:
    """The two sets below `folder`; a town is in one of them."""
    drawn = {name: towns(language, seed) for name, language in LANGUAGES.items()}
    rng = np.random.default_rng(seed)
    sets = {}
    for part, count in TOWNS.items():
        found = {name: list(islice(each, count)) for name, each in drawn.items()}
        sets[part] = _write(folder / part, found, rng)
    return sets


def _write(folder: Path, found: dict[str, list[Town]], rng: np.random.Generator) -> Questions:
    folder.mkdir(parents=True)
    made = Questions(*(folder / f"{name}.jsonl" for name in ("knowledge", "train", "asked")))
    facts = [(name, fact) for name, each in found.items() for town in each for fact in town]
    _write_lines(made.knowledge, [{"text": fact.sentence} for _, fact in facts])
    rows = [_row(fact, name) for name, fact in facts]
    order = rng.permutation(len(rows))
    _write_lines(made.asked, [rows[place] for place in order[:ASKED]])
    _write_lines(made.train, [rows[place] for place in order[ASKED:]])
    return made


def _write_lines(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text("\n".join(lines), encoding="utf-8")


def read_lines(file: Path) -> list[dict[str, str]]:
    """The rows that `written` made."""
    return list(map(json.loads, file.read_text(encoding="utf-8").splitlines()))


def _row(fact: Fact, language: str) -> dict[str, str]:
    return {"instruction": fact.question, "output": fact.answer, "language": language}


def make_untaught(folder: Path, questions: Questions) -> Path:
    """A Llama of 2 layers with random weights, and a tokenizer of the texts' words."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    train_tokenizer(_texts(questions), VOCABULARY, folder)
    ids = {f"{name}_token_id": place for place, name in enumerate(("bos", "eos", "pad"))}
    assert (BOS, EOS, PAD) == ("<s>", "</s>", "<pad>"), "ids 0, 1 and 2"
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        **ids,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def _texts(questions: Questions) -> Sequence[str]:
    texts = [row["text"] for row in read_lines(questions.knowledge)]
    chats = [PROMPT.format(**row) for row in read_lines(questions.train)]
    return [*texts, *chats]
