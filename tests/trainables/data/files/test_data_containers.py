"""Records within one JSON object, and values within fields."""

from __future__ import annotations

import json

import pytest
from data_samples import read_records, rows_of, values_of, write_json

from trainables.core.data_error import DataError
from trainables.data.files.origin import find
from trainables.data.files.reading import read

FIRST, SECOND = {"prompt": "a", "answer": "b"}, {"prompt": "c", "answer": "d"}
BOTH = [FIRST, SECOND]
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]

HELD = [
    ({"version": "1.1", "data": BOTH}, "the list data is read"),
    ({"meta": {"license": "x"}, "out": {"rows": BOTH}}, "the list out.rows is read"),
    ({"system": "x", "data": BOTH}, "the list data is read"),
    ({"authors": [{"id": 1}, {"id": 2}], "data": BOTH}, "the list data is read"),
    ({"schema": {"fields": [{"name": "prompt"}]}, "data": BOTH}, "the list data is read"),
    ({"a1": FIRST, "b7": SECOND}, "2 records are read by key"),
    ({"0": FIRST, "1": SECOND}, "2 records are read by key"),
    ({"prompt": ["a", "c"], "answer": ["b", "d"]}, "columns are read as 2 records"),
    ({"prompt": {"0": "a", "1": "c"}, "answer": {"0": "b", "1": "d"}},
     "columns are read as 2 records"),
    ({"prompt": {"x": "a", "y": "c"}, "answer": {"x": "b", "y": "d"}},
     "columns are read as 2 records"),
    ({"columns": ["prompt", "answer"], "index": [0, 1], "data": [["a", "b"], ["c", "d"]]},
     "a table of columns and data is read"),
]  # fmt: skip


@pytest.mark.parametrize(("whole", "note"), HELD)
@pytest.mark.parametrize("indent", [None, 1])
def test_records_are_found_in_an_object_and_that_is_said(tmp_path, whole, note, indent):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(whole, indent=indent))
    (origin,) = find(str(path)).origins
    found = read(origin)
    assert [row.value for row in found.rows] == BOTH
    assert [row.where for row in found.rows] == [f"{path} row 1", f"{path} row 2"]
    assert found.notes == (f"rows.json: {note}",)


@pytest.mark.parametrize(
    "whole",
    [
        {"chats": [TURNS, TURNS]},
        {"a": TURNS, "b": TURNS},
        {"messages": [TURNS, TURNS]},
        {"data": [{"messages": TURNS}] * 2},
    ],
)
def test_chats_are_found_in_an_object(tmp_path, whole):
    assert len(read_records(write_json(tmp_path / "rows.json", whole)).records) == 2


@pytest.mark.parametrize(
    "whole",
    [
        FIRST,
        {"messages": TURNS},
        {"messages": TURNS, "tools": [{"name": "x"}, {"name": "y"}]},
        {"instruction": "a", "output": "b", "meta": [{"text": "x"}, {"text": "y"}]},
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
        {"dialog": ["a", "b"]},
    ],
)
def test_an_object_that_is_a_record_stays_one(tmp_path, whole):
    path = write_json(tmp_path / "rows.json", whole)
    assert [row.where for row in rows_of(path)] == [f"{path} line 1"]
    assert len(read_records(path).records) == 1


def test_columns_tell_records_whose_names_are_unknown(tmp_path):
    path = write_json(tmp_path / "rows.json", {"ask": {"7": "a", "9": "c"}, "tell": {"7": "b"}})
    columns = {"prompt": "ask", "completion": "tell"}
    assert values_of(path, columns) == [{"prompt": "a", "completion": "b"}, {"prompt": "c"}]


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ({"train": BOTH, "test": BOTH},
         r"holds several lists of records: train \(2\), test \(2\); save each as a file"),
        ({"columns": ["prompt", "answer"], "data": [["a", "b"], ["c"]]},
         "row 2 of data has 1 values for 2 columns; correct it"),
        ({"prompt": ["a", "c"], "answer": ["b"]},
         r"has columns of unequal length: prompt \(2\), answer \(1\); correct them"),
        ({"x": {"y": 1}}, "line 1 has the fields: x; rename them, or name them in data.columns"),
        ({"x": [1], "y": [2]}, "line 1 has the fields: x, y; rename them, or name them in data"),
    ],
)  # fmt: skip
def test_an_object_of_another_form_is_refused_with_its_fields(tmp_path, whole, said):
    with pytest.raises(DataError, match=said):
        read_records(write_json(tmp_path / "rows.json", whole))


def test_a_key_that_is_there_twice_loses_no_record_without_a_word(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(f'{{"a": {json.dumps(FIRST)}, "a": {json.dumps(SECOND)}}}')
    with pytest.raises(DataError, match=f"^{path}: field str 'a' appears twice"):
        values_of(path)


SQUAD = {"id": 7, "ask": "a", "answers": {"text": ["b", "c"], "start": [0, 3]}, "meta": {"k": "v"}}


@pytest.mark.parametrize("name", ["answers.text", "answers.text.0"])
def test_a_dotted_column_is_a_value_within_a_field(tmp_path, name):
    path = write_json(tmp_path / "rows.json", [SQUAD, SQUAD])
    file = read_records(path, columns={"prompt": "ask", "completion": name})
    assert [turn.content for turn in file.records[0].messages] == ["a", "b"]
    assert set(file.unread_fields) == {"id", "meta"}
    assert len(file.adjusted) == (1 if name == "answers.text" else 0)


def test_a_columns_own_name_may_have_dots(tmp_path):
    record = {"answers.text": "own", "answers": {"text": "within"}}
    path = write_json(tmp_path / "rows.json", [record])
    assert values_of(path, {"text": "answers.text"})[0]["text"] == "own"


@pytest.mark.parametrize("name", ["answers.txt", "answers.text.9", "ask.text", "nothing.text"])
def test_a_dotted_column_that_is_not_there_is_refused(tmp_path, name):
    path = write_json(tmp_path / "rows.json", [SQUAD])
    with pytest.raises(DataError, match=f"data.columns.text: .* has no column '{name}'"):
        values_of(path, {"text": name})
