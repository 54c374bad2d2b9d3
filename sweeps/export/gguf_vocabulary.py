"""The tokenizer in a GGUF file: byte-level BPE whose way of splitting text llama.cpp knows by name.

llama.cpp splits text by code of its own for each name, so that a wrong name gives other tokens
without a word. Only ways of splitting that are exactly a known one are written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.base.errors import SweepError

if TYPE_CHECKING:
    from gguf import GGUFWriter

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS = {_WORDS % "": "qwen2", _WORDS % "{1,3}": "llama-bpe"}
"""Regular expressions of Split, and llama.cpp's names of them."""

_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
"""GGUF's types of tokens."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, merges as `left right`, the way of splitting, and what begins each text."""

    tokens: Sequence[str]
    types: Sequence[int]
    merges: Sequence[str]
    split: str
    adds_bos: bool
    special: Mapping[str, int]
    template: str | None

    def write(self, writer: GGUFWriter) -> None:
        """Add it to a file."""
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.split)
        writer.add_token_list(list(self.tokens))
        writer.add_token_types(list(self.types))
        writer.add_token_merges(list(self.merges))
        writer.add_add_bos_token(self.adds_bos)
        for name, add in (
            ("bos", writer.add_bos_token_id),
            ("eos", writer.add_eos_token_id),
            ("pad", writer.add_pad_token_id),
        ):
            if name in self.special:
                add(self.special[name])
        if self.template:
            writer.add_chat_template(self.template)


def vocabulary_of(folder: Path, rows: int, trusted: bool = False) -> Vocabulary:
    """The tokenizer in `folder`, filled up to the `rows` of the embedding; SweepError if llama.cpp
    would split text in another way."""
    from trainables.core.model_source import ModelSource
    from trainables.data.tokens.tokenizer import load_tokenizer

    file = folder / "tokenizer.json"
    tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    split = _split(tree)
    tokenizer = load_tokenizer(ModelSource(str(folder), None, trusted))
    by_id = {number: token for token, number in tokenizer.get_vocab().items()}
    added = {each["id"]: bool(each["special"]) for each in tree.get("added_tokens", ())}
    names = {"bos": "bos_token_id", "eos": "eos_token_id", "pad": "pad_token_id"}
    ids = {name: getattr(tokenizer, field) for name, field in names.items()}
    return Vocabulary(
        tokens=[by_id.get(number, f"[PAD{number}]") for number in range(rows)],
        types=[_type(number, by_id, added) for number in range(rows)],
        merges=[_merge(each) for each in tree["model"]["merges"]],
        split=split,
        adds_bos=tokenizer([""])["input_ids"][0][:1] == [tokenizer.bos_token_id],
        special={name: number for name, number in ids.items() if number is not None},
        template=tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else None,
    )


def _split(tree: Mapping[str, Any]) -> str:
    """llama.cpp's name of the way of splitting."""
    model, steps = tree.get("model") or {}, _steps(tree.get("pre_tokenizer"))
    kinds = [step.get("type") for step in steps]
    plain = not any(step.get("add_prefix_space") for step in steps)
    if model.get("type") == "BPE" and not model.get("byte_fallback") and plain:
        if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
            return "gpt-2"
        if kinds == ["Split", "ByteLevel"] and not steps[1].get("use_regex", True):
            pattern = (steps[0].get("pattern") or {}).get("Regex")
            if pattern in _SPLITS:
                return _SPLITS[pattern]
    raise SweepError(
        "--gguf: the tokenizer splits text in a way for which we know no name in llama.cpp (known: "
        "byte-level BPE as in GPT-2, Qwen 2 and Llama 3); use llama.cpp's convert_hf_to_gguf.py"
    )


def _steps(tree: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if tree is None:
        return []
    if tree.get("type") == "Sequence":
        return list(tree.get("pretokenizers", ()))
    return [tree]


def _type(number: int, by_id: Mapping[int, str], added: Mapping[int, bool]) -> int:
    if number not in by_id:
        return _UNUSED
    if number in added:
        return _CONTROL if added[number] else _USER_DEFINED
    return _NORMAL


def _merge(pair: str | Sequence[str]) -> str:
    return pair if isinstance(pair, str) else " ".join(pair)
