"""What the data tests share: a tiny byte-level tokenizer, and files of hand-made rows."""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from trainables.config.trial import TrialConfig

REAL_DATA = Path(os.environ.get("SWEEP_TEST_DATA", ""))
needs_real_data = pytest.mark.skipif(
    "SWEEP_TEST_DATA" not in os.environ, reason="SWEEP_TEST_DATA names no folder of real data"
)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ message.content }}<|im_end|>{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, marked for transformers' own mask of the assistant's tokens."""

_LINES = ["Give three tips for staying healthy.", "Eat well, sleep well and move.", "### User:\n"]


@cache
def _tokenizer_json(bos: bool) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_LINES * 20, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
        )
    text: str = tokenizer.to_str()
    return text


def tiny_tokenizer(bos: bool = True, chat_template: str | None = None):
    """A tokenizer of 320 tokens that encodes any text; `bos` says whether it adds one."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_tokenizer_json(bos)),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def save_tokenizer(folder: Path, **options) -> Path:
    """The same, as a local model folder that sees 64 tokens."""
    tiny_tokenizer(**options).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 64}')
    return folder


def rows_of(path: Path | str, columns: dict | None = None, objective: str = "sft") -> list:
    """The rows of all files that a name stands for."""
    from trainables.data.files.origin import find
    from trainables.data.files.reading import Manner, read

    origins = find(str(path)).origins
    return [
        row for origin in origins for row in read(origin, Manner(columns or {}, objective)).rows
    ]


def values_of(path: Path | str, columns: dict | None = None, objective: str = "sft") -> list:
    """The same rows without their places."""
    return [row.value for row in rows_of(path, columns, objective)]


def read_records(
    path: Path, objective: str = "sft", columns: dict | None = None, skip: bool = False
):
    """The records of a file; `skip` leaves bad rows out."""
    from trainables.data.files.origin import find
    from trainables.data.files.reading import Manner, read
    from trainables.data.files.sieve import Sieve
    from trainables.data.records.formats import READ_BY
    from trainables.data.records.record_file import records_of

    (origin,) = find(str(path)).origins
    sieve = Sieve("skip" if skip else "few")
    rows = read(origin, Manner(columns or {}, objective), sieve).rows
    return records_of(origin, rows, f"objective {objective}", READ_BY[objective], sieve)


def left_out(file) -> dict[str, int]:
    """How many rows of a file are not used, by reason."""
    harmless = (record.reason_to_drop() for record in file.records)
    reasons = [*(row.reason for row in file.bad), *(each for each in harmless if each)]
    return dict(Counter(reasons))


def write_json(path: Path, rows: list) -> Path:
    """The rows as a JSON list."""
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path: Path, rows: list) -> Path:
    """The rows as JSON lines, with a final newline."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def alpaca_rows(count: int) -> list[dict[str, str]]:
    """Records that all differ."""
    return [{"instruction": f"Add {n} and 1.", "output": f"It is {n + 1}."} for n in range(count)]


def config(train, objective="sft", **data):
    names = [str(path) for path in train] if isinstance(train, list) else str(train)
    return TrialConfig(
        model="unused", objective=objective, data={"train": names, **data}, **rewards_for(objective)
    )


def rewards_for(objective):
    """What a trial of that objective needs besides data."""
    return {"rl": {"rewards": {"eval_ended": 1.0}}} if objective == "grpo" else {}
