"""Chat templates of real instruct models, as TRL ships them, and a tokenizer for each."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TOKEN = re.compile(r"<\|[\w/]+\|?>|<\w+\|>|<｜[^｜]+｜>|<\w+_of_\w+>|\[/?INST\]|<[A-Z|_]{5,}>")
"""How the templates' control tokens are spelled."""

TRAINING = "_training"


def folder() -> Path:
    """TRL's folder of templates."""
    spec = find_spec("trl")
    assert spec is not None and spec.origin is not None, "TRL is a dependency of the tests"
    return Path(spec.origin).parent / "chat_templates"


def names() -> list[str]:
    """The templates of models, without TRL's variants for training."""
    listed = sorted(path.stem for path in folder().glob("*.jinja"))
    return [name for name in listed if not name.endswith(TRAINING)]


def template(name: str) -> str:
    """A template's text."""
    return (folder() / f"{name}.jinja").read_text(encoding="utf-8")


def twin(name: str) -> str | None:
    """TRL's variant of a template with generation marks, if there is one."""
    path = folder() / f"{name}{TRAINING}.jinja"
    return path.read_text(encoding="utf-8") if path.is_file() else None


@cache
def _vocabulary() -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["A question and an answer.\n"] * 20, trainer)
    text: str = tokenizer.to_str()
    return text


def tokenizer_of(chat_template: str, eos: str = "</s>"):
    """A byte-level tokenizer with this template, whose control tokens are tokens."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_vocabulary()), bos_token="<s>", eos_token=eos
    )
    tokens = list(dict.fromkeys(_TOKEN.findall(chat_template)))
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    tokenizer.chat_template = chat_template
    return tokenizer
