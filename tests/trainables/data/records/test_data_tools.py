"""Tools, calls and their results, in every spelling of theirs."""

from __future__ import annotations

import json

import pytest
from data_samples import REAL_DATA, needs_real_data, read_records, write_json

from trainables.data.records.conversation import Message, ToolCall
from trainables.data.records.place import CALL_AS_TEXT, RESULT

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALL = ToolCall("add", '{"a": 2, "b": 3}')
NESTED = {"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 3}}}
AS_TEXT = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
FLAT = {"name": "add", "arguments": {"a": 2, "b": 3}}


def read(tmp_path, record):
    (found,) = read_records(write_json(tmp_path / "rows.json", [record])).records
    return found


@pytest.mark.parametrize(
    "said",
    [
        {"content": None, "tool_calls": [NESTED]},
        {"content": "", "tool_calls": [AS_TEXT]},
        {"tool_calls": [FLAT]},
        {"tool_calls": json.dumps([FLAT])},
        {"content": None, "function_call": FLAT},
        {"content": [{"type": "tool_call", "value": json.dumps(FLAT)}]},
        {"content": [{"type": "tool_use", "id": "", "name": "add", "input": FLAT["arguments"]}]},
    ],
)
def test_a_call_is_an_answer_whatever_its_spelling(tmp_path, said):
    turns = [
        {"role": "user", "content": "2 + 3"},
        {"role": "assistant", **said},
        {"role": "tool", "content": "5"},
        {"role": "assistant", "content": "5."},
    ]
    found = read(tmp_path, {"messages": turns})
    call = Message("assistant", "", trainable=True, tool_calls=(CALL,))
    assert found.messages[1:3] == (call, Message("tool", "5"))
    assert found.reason_to_drop() is None


def test_parallel_calls_keep_their_ids_and_results_name_them(tmp_path):
    calls = [{"id": f"call_{n}", **NESTED} for n in range(2)]
    results = [
        {"role": "tool", "tool_call_id": f"call_{n}", "name": "add", "content": n} for n in range(2)
    ]
    turns = [
        {"role": "user", "content": "2 + 3"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *results,
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "5."},
    ]
    found = read(tmp_path, {"messages": turns})
    assert [call.id for call in found.messages[1].tool_calls] == ["call_0", "call_1"]
    assert found.messages[3] == Message("tool", "1", name="add", call_id="call_1")
    assert found.reason_to_drop() is None


@pytest.mark.parametrize("tools", [[TOOL], json.dumps([TOOL]), TOOL])
@pytest.mark.parametrize("field", ["tools", "functions"])
def test_the_tools_of_a_chat_are_a_list_or_its_json(tmp_path, tools, field):
    turns = [{"from": "human", "value": "2 + 3"}, {"from": "gpt", "value": "5"}]
    assert json.loads(read(tmp_path, {"conversations": turns, field: tools}).tools) == [TOOL]


@pytest.mark.parametrize("tools", [None, "", " ", [], "[]"])
def test_no_tools_are_no_tools(tmp_path, tools):
    turns = [{"from": "human", "value": "2 + 3"}, {"from": "gpt", "value": "5"}]
    assert read(tmp_path, {"conversations": turns, "tools": tools}).tools == ""


def sharegpt(*turns):
    return {"conversations": [{"from": who, "value": said} for who, said in turns]}


def test_a_function_call_of_sharegpt_is_a_call_and_two_in_a_row_are_parallel(tmp_path):
    text = json.dumps(FLAT)
    found = read(
        tmp_path,
        sharegpt(
            ("human", "2 + 3"),
            ("function_call", text),
            ("function_call", text),
            ("observation", "5"),
            ("function_response", "5"),
            ("gpt", "5."),
        ),
    )
    assert [message.role for message in found.messages] == [
        "user", "assistant", "tool", "tool", "assistant",
    ]  # fmt: skip
    assert found.messages[1].tool_calls == (CALL, CALL)


def test_a_function_call_that_is_no_json_stays_text_and_is_counted(tmp_path):
    record = sharegpt(("human", "2 + 3"), ("function_call", "add(2, 3)"), ("observation", "5"))
    path = write_json(tmp_path / "rows.json", [record])
    file = read_records(path)
    assert file.records[0].messages[1] == Message.of("assistant", "add(2, 3)")
    assert list(file.adjusted) == [CALL_AS_TEXT]


@pytest.mark.parametrize("result", [{"sum": 5}, [5, 6], [{"sum": 5}]])
def test_a_result_that_is_no_text_is_written_as_json(tmp_path, result):
    turns = [
        {"role": "user", "content": "2 + 3"},
        {"role": "assistant", "tool_calls": [NESTED]},
        {"role": "tool", "content": result},
        {"role": "assistant", "content": "5."},
    ]
    file = read_records(write_json(tmp_path / "rows.json", [{"messages": turns}]))
    assert json.loads(file.records[0].messages[2].content) == result
    assert list(file.adjusted) == [RESULT]


def test_the_tools_of_a_pair_are_those_of_both_its_chats(tmp_path):
    record = {"prompt": "2 + 3", "chosen": "5", "rejected": "6", "tools": [TOOL]}
    (pair,) = read_records(write_json(tmp_path / "rows.json", [record]), "dpo").records
    assert [json.loads(each.tools) for each in pair.conversations()] == [[TOOL]] * 2


@needs_real_data
def test_all_calls_of_a_real_file_are_read():
    file = read_records(REAL_DATA / "sft" / "glaive_toolcall_en_demo.json")
    calls = [call for row in file.records for turn in row.messages for call in turn.tool_calls]
    assert (len(file.records), len(calls), file.adjusted) == (300, 211, {})
    assert all(isinstance(json.loads(call.arguments), dict) for call in calls)
    assert sum(bool(row.tools) for row in file.records) > 100
