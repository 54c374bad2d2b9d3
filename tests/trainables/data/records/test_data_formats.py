from __future__ import annotations

import json

import pytest
from data_samples import REAL_DATA, left_out, needs_real_data, read_records, write_json

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Message
from trainables.data.records.records import Document

ASK, ANSWER = Message("user", "hi"), Message("assistant", "hello", trainable=True)
ALPACA = {"instruction": "hi", "output": "hello"}
SHAREGPT = {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}
CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]

PARTS = [{"type": "text", "value": "hel"}, {"type": "text", "text": "lo"}]


def turn(**fields):
    return {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", **fields}]}


@pytest.mark.parametrize(
    ("record", "format_", "messages"),
    [
        (ALPACA, "alpaca", [ASK, ANSWER]),
        (ALPACA | {"input": ""}, "alpaca", [ASK, ANSWER]),
        (ALPACA | {"input": "there"}, "alpaca", [Message("user", "hi\nthere"), ANSWER]),
        (ALPACA | {"system": "Be brief."}, "alpaca", [Message("system", "Be brief."), ASK, ANSWER]),
        (SHAREGPT, "sharegpt", [ASK, ANSWER]),
        (CHAT, "messages", [ASK, ANSWER]),
        ({"messages": CHAT}, "messages", [ASK, ANSWER]),
        ({"prompt": "hi", "completion": "hello"}, "prompt_completion", [ASK, ANSWER]),
        (turn(content=PARTS), "messages", [ASK, ANSWER]),
        (turn(content="hello", loss_weight=1.0), "messages", [ASK, ANSWER]),
        (turn(content="hello", loss_weight=0.0), "messages", [ASK, Message("assistant", "hello")]),
    ],
)
def test_each_format_is_recognised_and_becomes_turns(tmp_path, record, format_, messages):
    records = read_records(write_json(tmp_path / "rows.json", [record, record]))
    assert records.format.name == format_
    assert [list(chat.messages) for chat in records.records] == [messages, messages]


def test_tool_calls_of_sharegpt_are_the_models_words_and_results_are_not(tmp_path):
    names = ("system", "human", "function_call", "observation", "gpt")
    turns = [{"from": name, "value": name} for name in names]
    records = read_records(write_json(tmp_path / "rows.json", [{"conversations": turns}]))
    assert [(m.role, m.trainable) for m in records.records[0].messages] == [
        ("system", False),
        ("user", False),
        ("assistant", True),
        ("tool", False),
        ("assistant", True),
    ]


def test_text_records_are_documents(tmp_path):
    path = write_json(tmp_path / "rows.json", [{"text": "a", "url": "b"}])
    records = read_records(path, "clm")
    assert (records.records, records.unread_fields) == ((Document("a"),), ("url",))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (SHAREGPT, "row 2 is sharegpt, but the file began as alpaca; split"),
        (CHAT, "row 2 is messages, but the file began as alpaca"),
        ({"instruction": "hi"}, "row 2 has no field output; add it"),
        ({"instruction": {}, "output": "x"}, "row 2: instruction is dict {}; it must be a str"),
        ({"instruction": "hi", "output": [["x"]]}, r"row 2: output is list \[\['x'\]\]"),
        ({"instruction": "hi", "output": "\ud83d"}, "row 2: output holds an unpaired surrogate"),
        ("hello", "row 2 is str 'hello'; a record is an object"),
        (None, "row 2 is null"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path, second, said):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([ALPACA, second]))
    with pytest.raises(DataError, match=f"^{path} {said}"):
        read_records(path)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"ask": "a", "tell": "b"}, "has the fields: ask, tell; rename.*alpaca {"),
        ({"conversations": "hi"}, "conversations is str 'hi'; it must be a list"),
        (
            {"conversations": [{"from": "robot", "value": "x"}]},
            "turn 1: from str 'robot' is unknown.*human",
        ),
        ({"conversations": [{"from": "gpt"}]}, "turn 1 has no field value"),
        ({"messages": ["hi"]}, "turn 1 is str 'hi'; a turn is an object"),
        (turn(content=[{"type": "image_url"}]), "turn 2: content has a part.*only text"),
        (turn(content=None, tool_calls=[1]), "turn 2: tool_calls has int 1; a call is an object"),
        (
            turn(content="x", loss_weight=0.5),
            "turn 2: loss_weight is float 0.5; a turn takes 0 or 1",
        ),
    ],
)
def test_a_record_that_cannot_be_used_says_why(tmp_path, record, said):
    with pytest.raises(DataError, match=f"row 1.* ?{said}"):
        read_records(write_json(tmp_path / "rows.json", [record, record]))


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([("user", "hi")], r"no answer \(turns: user\); add a turn by the assistant"),
        ([], r"no answer \(turns: none\)"),
        ([("user", "hi"), ("assistant", " \n")], r"empty answer \(turns: user, assistant\)"),
        ([("user", "hi"), ("assistant", None)], "empty answer"),
        ([("system", "x"), ("assistant", "hello")], r"begins with an answer \(turns: system, a"),
        ([("user", "a"), ("tool", "b"), ("assistant", "c")], "roles out of order .turns: user, to"),
        (
            [("user", "a"), ("assistant", "b"), ("tool", "c"), ("system", "d"), ("assistant", "e")],
            "roles out of order",
        ),
        ([("tool", "a"), ("assistant", "c")], "roles out of order"),
    ],
)
def test_a_chat_without_something_to_learn_is_a_mistake_or_skipped(tmp_path, messages, said):
    bad = {"messages": [{"role": role, "content": content} for role, content in messages]}
    path = write_json(tmp_path / "rows.json", [turn(content="hello"), bad])
    with pytest.raises(DataError, match=rf"^{path} row 2: {said}.*--skip-bad-rows skips such"):
        read_records(path)
    file = read_records(path, skip=True)
    assert (len(file.records), [row.where for row in file.bad]) == (1, [f"{path} row 2"])


@pytest.mark.parametrize(
    "roles",
    ["ua", "ssuaua", "uatta", "uau", "uata"],
)
def test_turns_may_be_taken_in_these_orders(tmp_path, roles):
    names = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    turns = [{"role": names[role], "content": role} for role in roles]
    assert len(read_records(write_json(tmp_path / "rows.json", [{"messages": turns}])).records) == 1


def test_a_chat_whose_answers_are_all_weighted_zero_is_dropped(tmp_path):
    path = write_json(tmp_path / "rows.json", [turn(content="hello", loss_weight=0)])
    assert read_records(path).records[0].reason_to_drop() == "no trained answer"


@needs_real_data
@pytest.mark.parametrize(
    ("name", "format_", "count", "dropped"),
    [
        ("sft/alpaca_en_demo.json", "alpaca", 999, {}),
        ("sft/alpaca_zh_demo.json", "alpaca", 1000, {}),
        ("sft/identity.json", "alpaca", 91, {}),
        ("sft/instruction-data.json", "alpaca", 1100, {}),
        ("sft/alpaca_orig_5k.json", "alpaca", 5000, {"empty answer": 2}),
        ("sft/glaive_toolcall_en_demo.json", "sharegpt", 300, {}),
        ("sft/v1_sft_demo.jsonl", "messages", 500, {}),
        ("chat/fastchat_dummy_conversation.json", "sharegpt", 500, {}),
        ("chat/xtuner_openai_sft.jsonl", "messages", 128, {}),
        ("corpus/tinyshakespeare.txt", "text", 1, {}),
        ("corpus/tinystories_1200.txt", "text", 1200, {}),
        ("corpus/c4_demo.jsonl", "text", 300, {}),
        ("corpus/wiki_demo.txt", "text", 1, {}),
        ("corpus/the-verdict.txt", "text", 1, {}),
        ("corpus/names.txt", "text", 1, {}),
        ("bad/08_utf8_bom.json", "alpaca", 40, {}),
        ("bad/37_unicode_valid.jsonl", "alpaca", 61, {}),
    ],
)
def test_real_files_give_all_their_records(name, format_, count, dropped):
    file = read_records(REAL_DATA / name, "clm" if format_ == "text" else "sft", skip=True)
    total = len(file.records) + len(file.bad)
    assert (file.format.name, total, left_out(file)) == (format_, count, dropped)
