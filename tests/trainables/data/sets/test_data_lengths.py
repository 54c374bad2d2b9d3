"""Rows that do not fit max_length are said with the length that would keep 95% of them."""

from __future__ import annotations

import re

import pytest
from bad_files import sources
from data_samples import config, tiny_tokenizer, write_lines

from trainables.core.data_error import DataError
from trainables.data.sets.draft import draft

ROWS = {
    "sft": lambda n: {"prompt": "a " * (n + 1), "completion": "yes"},
    "dpo": lambda n: {"prompt": "a " * (n + 1), "chosen": "yes", "rejected": "no"},
    "kto": lambda n: {"prompt": "a " * (n + 1), "chosen": "yes", "rejected": "no"},
    "reward": lambda n: {"prompt": "a " * (n + 1), "chosen": "yes", "rejected": "no"},
}


def summary_at(path, objective, length):
    found = sources(path, objective, validation=0.2, max_length=length)
    settings = config(path, objective, validation=0.2, max_length=length)
    return draft(found, settings, tiny_tokenizer(), length).summary(found, length, ())


@pytest.mark.parametrize("objective", ROWS)
def test_the_length_that_is_said_keeps_95_percent_and_one_less_does_not(tmp_path, objective):
    path = write_lines(tmp_path / "rows.jsonl", [ROWS[objective](n) for n in range(60)])
    (note,) = [note for note in summary_at(path, objective, 60).notes if "would keep" in note]
    found = re.fullmatch(
        r"rows.jsonl: (\d+) of 60 rows left out \(.*longer than max_length 60\); "
        r"data.max_length: (\d+) would keep 95%",
        note,
    )
    assert found is not None, note
    dropped, enough = map(int, found.groups())
    (reason,) = summary_at(path, objective, 60).dropped
    assert summary_at(path, objective, 60).dropped[reason] == dropped
    assert summary_at(path, objective, enough).dropped[reason] == 3
    assert summary_at(path, objective, enough - 1).dropped[reason] == 4


def test_five_percent_are_counted_without_advice_and_none_without_a_note(tmp_path):
    short = [ROWS["sft"](n) for n in range(10)]
    path = write_lines(tmp_path / "rows.jsonl", [*short, *short[:-1], ROWS["sft"](90)])
    (note,) = [note for note in summary_at(path, "sft", 60).notes if "left out" in note]
    assert note == "rows.jsonl: 1 of 20 rows left out (prompt longer than max_length 60)"
    assert not [note for note in summary_at(path, "sft", 300).notes if "left out" in note]


def test_a_length_beyond_the_models_context_is_said_as_such(tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", [ROWS["sft"](n) for n in range(60)])
    found = sources(path, "sft", validation=0.2)
    made = draft(found, config(path, "sft", validation=0.2), tiny_tokenizer(), 60)
    assert any("would keep 95%, beyond the model's context" in note for note in made.too_long)


REWRITES = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and not loop.last %}...{% else %}{{ m.content }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A template that writes earlier answers differently, so that each answer is an example."""


def test_a_chat_is_one_row_however_many_of_its_examples_fit(tmp_path):
    """The second answer's prompt is too long in 10 chats, both answers' in one."""
    turns = [("user", "a"), ("assistant", "b"), ("user", "c " * 60), ("assistant", "d")]
    chats = [[("user", f"{n}"), *turns[1:]] for n in range(10)] + [turns[2:]]
    rows = [{"messages": [{"role": r, "content": c} for r, c in chat]} for chat in chats]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    found = sources(path, "sft", validation=0.2, max_length=60)
    settings = config(path, "sft", validation=0.2, max_length=60)
    made = draft(found, settings, tiny_tokenizer(chat_template=REWRITES), 60)
    summary = made.summary(found, 60, ())
    assert (summary.files[0].used, summary.dropped) == (10, {"prompt longer than max_length": 1})
    assert (
        "rows.jsonl: 10 chats of several examples without those whose prompt is longer than "
        "max_length"
    ) in summary.notes


@pytest.mark.parametrize(("fitting", "said"), [(0, "no usable record "), (1, "1 usable records")])
def test_where_nothing_is_left_to_split_the_error_says_the_length(tmp_path, fitting, said):
    rows = [ROWS["sft"](1)] * fitting + [ROWS["sft"](90)] * 20
    path = write_lines(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError, match=rf"{said}.*data.max_length: \d+ would keep 95%"):
        summary_at(path, "sft", 60)
