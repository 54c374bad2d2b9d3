"""Records as people write them: read with allowances, each of which is counted."""

from __future__ import annotations

import pytest
from bad_files import sources
from data_samples import read_records, write_json, write_lines

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Message
from trainables.data.records.place import (
    CONTEXT,
    FIRST,
    JOINED,
    MISSING,
    NUMBERS,
    OPENING,
    PARALLEL,
    TEXTS,
    UNTRAINED,
)


def chat(*turns: str) -> dict[str, object]:
    """Turns such as "u:hi"; s, u, a and t for system, user, assistant and tool."""
    roles = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    pairs = [turn.split(":", 1) for turn in turns]
    return {"messages": [{"role": roles[role], "content": said} for role, said in pairs]}


def spoken(file) -> list[str]:
    """The turns of a file's only record, as in `chat`; a trained answer in capitals."""
    (record,) = file.records
    return [
        f"{(turn.role[0].upper() if turn.trainable else turn.role[0])}:{turn.content}"
        for turn in record.messages
    ]


QUESTIONS = [
    ({"question": "hi", "answer": "yes"}, ["u:hi", "A:yes"]),
    ({"query": "hi", "response": "yes"}, ["u:hi", "A:yes"]),
    ({"prompt": "hi", "response": "yes"}, ["u:hi", "A:yes"]),
    ({"input": "hi", "output": "yes"}, ["u:hi", "A:yes"]),
    ({"instruction": "hi", "response": "yes"}, ["u:hi", "A:yes"]),
    ({"instruction": "hi", "context": "so", "response": "yes", "category": "qa"},
     ["u:hi\nso", "A:yes"]),
    ({"context": "A hall.", "question": "hi", "answer": "yes"}, ["u:A hall.\n\nhi", "A:yes"]),
    ({"id": "1", "context": "A hall.", "question": "hi",
      "answers": {"text": ["yes"], "answer_start": [0]}}, ["u:A hall.\n\nhi", "A:yes"]),
    ({"question": "hi", "answers": [{"text": "yes", "answer_start": 3}]}, ["u:hi", "A:yes"]),
    ({"question": "hi", "answers": ["yes"]}, ["u:hi", "A:yes"]),
    ({"question": ["hi"], "answer": ["yes"]}, ["u:hi", "A:yes"]),
    ({"instruction": "hi", "output": "yes", "history": [["a", "b"], ["c", "d"]]},
     ["u:a", "A:b", "u:c", "A:d", "u:hi", "A:yes"]),
    ({"instruction": "hi", "output": "yes", "history": None}, ["u:hi", "A:yes"]),
    ({"prompt": "hi", "completion": "yes", "history": chat("u:a", "a:b")["messages"]},
     ["u:a", "a:b", "u:hi", "A:yes"]),
    ({"system": "Be brief.", **chat("u:hi", "a:yes")}, ["s:Be brief.", "u:hi", "A:yes"]),
    (chat("u:hi", "a:yes", "s:Be polite.", "u:so", "s:Now.", "a:no"),
     ["u:hi", "A:yes", "s:Be polite.", "u:so", "s:Now.", "A:no"]),
]  # fmt: skip


@pytest.mark.parametrize(("record", "turns"), QUESTIONS)
def test_questions_and_answers_are_read_under_their_usual_names(tmp_path, record, turns):
    file = read_records(write_json(tmp_path / "rows.json", [record]))
    assert (spoken(file), file.adjusted) == (turns, {})


SPELLINGS = [
    {"conversations": [{"role": "user", "content": "hi"}, {"role": "model", "content": "yes"}]},
    {"messages": [{"from": "Human", "value": "hi"}, {"from": "ChatGPT", "value": "yes"}]},
    {"dialogue": [{"speaker": "user", "text": "hi"}, {"speaker": "bot", "text": "yes"}]},
    {"conversation": [{"role": "prompter", "text": "hi"}, {"role": "assistant", "text": "yes"}]},
    {"messages": '[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]'},
    {"messages": [{"role": "user", "content": ["h", {"text": "i"}]},
                  {"role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}]},
]  # fmt: skip


@pytest.mark.parametrize("record", SPELLINGS)
def test_turns_are_read_in_every_spelling(tmp_path, record):
    file = read_records(write_json(tmp_path / "rows.json", [record]))
    assert (spoken(file), file.adjusted) == (["u:hi", "A:yes"], {})


ALLOWED = [
    ({"instruction": "1 + 3", "output": 4}, ["u:1 + 3", "A:4"], NUMBERS),
    ({"instruction": 7, "output": True}, ["u:7", "A:true"], NUMBERS),
    ({"instruction": "half", "output": 0.5, "input": None}, ["u:half", "A:0.5"], NUMBERS),
    ({"instruction": "a", "input": float("nan"), "output": "b"}, ["u:a", "A:b"], MISSING),
    ({"prompt": False, "completion": "yes"}, ["u:false", "A:yes"], NUMBERS),
    ({"question": "hi", "answers": {"text": ["yes", "yea"]}}, ["u:hi", "A:yes"], FIRST),
    ({"question": "hi", "answers": ["yes", "yea"]}, ["u:hi", "A:yes"], FIRST),
    ({"question": "hi", "answer": "yes", "context": {"a": 1}}, ["u:hi", "A:yes"], CONTEXT),
    (chat("u:a", "u:b", "a:c", "a:d"), ["u:a\n\nb", "A:c\n\nd"], JOINED),
    (chat("s:x", "a:hello", "u:a", "a:b"), ["s:x", "u:a", "A:b"], OPENING),
    (chat("a:hello", "a:there", "u:a", "a:b"), ["u:a", "A:b"], OPENING),
    ({"dialog": ["a", "b", "c", "d"]}, ["u:a", "A:b", "u:c", "A:d"], TEXTS),
    ({"messages": [{"role": "user", "content": "a", "weight": 1},
                   {"role": "assistant", "content": "b", "weight": 1}]}, ["u:a", "A:b"], UNTRAINED),
    ({"messages": {"role": ["user", "assistant"], "content": ["a", "b"]}}, ["u:a", "A:b"],
     PARALLEL),
    ({"role": ["user", "assistant"], "content": ["a", "b"], "id": 3}, ["u:a", "A:b"], PARALLEL),
    ({"from": ["human", "gpt"], "value": ["a", "b"]}, ["u:a", "A:b"], PARALLEL),
    ({"questions": ["a", "c"], "answers": ["b", "d"]}, ["u:a", "A:b", "u:c", "A:d"], PARALLEL),
]  # fmt: skip


@pytest.mark.parametrize(("record", "turns", "allowed"), ALLOWED)
def test_an_allowance_is_made_and_counted(tmp_path, record, turns, allowed):
    path = write_json(tmp_path / "rows.json", [record])
    file = read_records(path)
    assert (spoken(file), file.adjusted) == (turns, {allowed: [f"{path} row 1"]})


def test_the_allowances_of_a_file_are_said_with_number_and_first_place(tmp_path):
    rows = [chat("u:a", "a:b"), chat("u:a", "u:b", "a:c", "a:d"), chat("a:x", "u:a", "a:b", "a:c")]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    found = sources(path, "sft")
    assert [note for note in found.notes if " with " in note] == [
        f"rows.jsonl: 2 rows with {JOINED} (first: line 2)",
        f"rows.jsonl: 1 row with {OPENING} (first: line 3)",
    ]


def test_a_row_left_out_is_not_counted_as_adjusted(tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", [chat("u:a", "a:b"), chat("u:a", "u:b")])
    file = read_records(path, skip=True)
    assert (len(file.records), len(file.bad), file.adjusted) == (1, 1, {})


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([{"content": "b", "loss_weight": 0}, {"content": "c"}], "roles out of order"),
        ([{"content": None}], "empty answer"),
        ([{"content": []}], "empty answer"),
    ],
)
def test_answers_that_cannot_be_joined_or_are_empty_are_refused(tmp_path, turns, said):
    answers = [{"role": "assistant", **turn} for turn in turns]
    record = {"messages": [{"role": "user", "content": "a"}, *answers]}
    with pytest.raises(DataError, match=f"row 1: {said}"):
        read_records(write_json(tmp_path / "rows.json", [record]))


@pytest.mark.parametrize("name", ["loss_weight", "weight", "train", "training", "trainable"])
@pytest.mark.parametrize(("value", "trained"), [(0, False), (1.0, True), (False, 0), (None, True)])
@pytest.mark.parametrize("spelling", [("role", "content"), ("from", "value")])
def test_each_answer_may_have_a_weight(tmp_path, name, value, trained, spelling):
    who, what = spelling
    first = {who: "assistant", what: "b", name: value}
    record = {"messages": [{who: "user", what: "a"}, first, *chat("u:c", "a:d")["messages"]]}
    (found,) = read_records(write_json(tmp_path / "rows.json", [record])).records
    assert [turn.trainable for turn in found.messages] == [False, bool(trained), False, True]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_are_kept_apart_from_the_answer(tmp_path, field):
    answer = {"role": "assistant", "content": "4", field: "2 and 2"}
    record = {"messages": [{"role": "user", "content": "2 + 2", field: None}, answer]}
    (found,) = read_records(write_json(tmp_path / "rows.json", [record])).records
    assert found.messages[1] == Message("assistant", "4", trainable=True, reasoning="2 and 2")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "reasoning", "value": "2 and 2"},
        {"type": "thinking", "thinking": "2 and 2", "signature": "x"},
        {"type": "reasoning", "text": "2 and 2"},
    ],
)
def test_a_part_may_be_a_thought(tmp_path, part):
    parts = [part, {"type": "text", "text": "4"}]
    turns = [{"role": "user", "content": "2 + 2"}, {"role": "assistant", "content": parts}]
    (found,) = read_records(write_json(tmp_path / "rows.json", [{"messages": turns}])).records
    assert found.messages[1] == Message("assistant", "4", trainable=True, reasoning="2 and 2")


def test_a_field_that_only_later_rows_have_is_read(tmp_path):
    rows = [{"instruction": "a", "output": "b"}, {"instruction": "c", "input": "d", "output": "e"}]
    file = read_records(write_lines(tmp_path / "rows.jsonl", rows))
    assert file.records[1].messages[0].content == "c\nd"
    assert file.unread_fields == ()
