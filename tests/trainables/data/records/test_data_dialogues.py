"""Whole dialogues as texts, and pairs of them split where they part."""

from __future__ import annotations

import pytest
from data_samples import read_records, write_json

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Message
from trainables.data.records.dialogues import dialogue
from trainables.data.records.place import BEGINNING, DIALOGUE

HH = "\n\nHuman: a\n\nAssistant: b\n\nQuestion: is this b?\n\nHuman: c\nd\n\nAssistant: "


def said(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role[0], message.content) for message in messages]


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        (f"{HH}e", [("u", "a"), ("a", "b\n\nQuestion: is this b?"), ("u", "c\nd"), ("a", "e")]),
        ("Human: a\nAssistant: b", [("u", "a"), ("a", "b")]),
        ("USER: a, said to ASSISTANT: x\nASSISTANT: c",
         [("u", "a, said to ASSISTANT: x"), ("a", "c")]),
        ("System: s\n\nUser: a\n\nAssistant: b", [("s", "s"), ("u", "a"), ("a", "b")]),
        ("### Instruction:\na\n\n### Response:\nb", [("u", "a"), ("a", "b")]),
        ("Q: a\nA: b\nQ: c\nA: d", [("u", "a"), ("a", "b"), ("u", "c"), ("a", "d")]),
        ("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb", [("u", "a"), ("a", "b")]),
        ("### Human: a### Assistant: b", [("u", "a"), ("a", "b")]),
        ("Human: a Assistant: b Human: c Assistant: d",
         [("u", "a"), ("a", "b"), ("u", "c"), ("a", "d")]),
        ("<|user|>\na</s>\n<|assistant|>\nb</s>", [("u", "a"), ("a", "b")]),
        ("<|prompter|>a<|endoftext|><|assistant|>b<|endoftext|>", [("u", "a"), ("a", "b")]),
        ("Question: a", []),
        ("Just a text. Human: no.", []),
        ("Assistant: b", []),
        ("", []),
    ],
)  # fmt: skip
def test_a_dialogue_is_split_at_its_speakers_marks(text, turns):
    assert said(dialogue(text)) == turns


@pytest.mark.parametrize("objective", ["dpo", "reward", "kto"])
def test_two_dialogues_part_at_the_last_turn_both_begin_with(tmp_path, objective):
    record = {"chosen": f"{HH}yes", "rejected": f"{HH}no"}
    path = write_json(tmp_path / "rows.json", [record])
    file = read_records(path, objective)
    (pair,) = file.records
    assert said(pair.prompt)[-1] == ("u", "c\nd") and len(pair.prompt) == 3
    assert (said(pair.chosen), said(pair.rejected)) == ([("a", "yes")], [("a", "no")])
    assert file.adjusted == {DIALOGUE: [f"{path} row 1"]}


def test_a_prompt_that_ends_with_the_assistants_mark_is_its_turns(tmp_path):
    record = {"prompt": HH.rstrip(), "chosen": "yes", "rejected": "no"}
    file = read_records(write_json(tmp_path / "rows.json", [record]), "dpo")
    assert said(file.records[0].prompt)[-1] == ("u", "c\nd")
    assert list(file.adjusted) == [DIALOGUE]


def test_plain_texts_part_after_the_lines_they_share(tmp_path):
    record = {"chosen": "Is it far?\nThis is near.", "rejected": "Is it far?\nThis is far."}
    file = read_records(write_json(tmp_path / "rows.json", [record]), "reward")
    (pair,) = file.records
    assert said(pair.prompt) == [("u", "Is it far?")]
    assert (said(pair.chosen), said(pair.rejected)) == (
        [("a", "This is near.")],
        [("a", "This is far.")],
    )
    assert list(file.adjusted) == [BEGINNING]


def test_texts_that_share_no_line_need_a_prompt(tmp_path):
    record = {"chosen": "I think so.", "rejected": "I think not."}
    with pytest.raises(DataError, match="row 1 has two answers but no prompt; add the field"):
        read_records(write_json(tmp_path / "rows.json", [record]), "dpo")


def test_an_answer_that_quotes_a_dialogue_stays_whole_beside_a_prompt(tmp_path):
    record = {"prompt": "Quote.", "chosen": "Q: a\nA: b", "rejected": "Q: c\nA: d"}
    file = read_records(write_json(tmp_path / "rows.json", [record]), "dpo")
    (pair,) = file.records
    assert (said(pair.prompt), said(pair.chosen)) == ([("u", "Quote.")], [("a", "Q: a\nA: b")])


def test_chats_that_open_with_a_greeting_are_whole_chats(tmp_path):
    greeting = [{"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "hi"}]
    record = {
        name: [*greeting, {"role": "assistant", "content": text}]
        for name, text in {"chosen": "yes", "rejected": "no"}.items()
    }
    (pair,) = read_records(write_json(tmp_path / "rows.json", [record]), "dpo").records
    assert (said(pair.prompt), said(pair.chosen)) == ([("u", "hi")], [("a", "yes")])
