from __future__ import annotations

import pytest
from bad_files import parquet
from data_samples import values_of, write_json
from pydantic import ValidationError

from trainables.config.data import DataConfig
from trainables.core.data_error import DataError

RECORD = {"id": 7, "sentence": "fine", "gold": 1}


@pytest.mark.parametrize(
    "columns", [{"text": "sentence", "label": "gold"}, {"text": 1, "label": 2}]
)
def test_fields_are_found_by_the_names_or_positions_of_their_columns(tmp_path, columns):
    path = write_json(tmp_path / "rows.json", [RECORD, RECORD])
    assert values_of(path, columns) == [{"text": "fine", "label": 1, "id": 7}] * 2


def test_a_named_column_makes_a_header_and_a_position_needs_none(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id,phrase,gold\n1,fine,good\n")
    named = {"text": "phrase", "label": "gold"}
    assert values_of(path, named) == [{"text": "fine", "label": "good", "id": "1"}]
    path.write_text("1,fine,good\n2,dull,bad\n")
    texts = [value["text"] for value in values_of(path, {"text": 1, "label": 2})]
    assert texts == ["fine", "dull"]


def test_a_column_wins_over_a_field_that_has_the_roles_own_name(tmp_path):
    path = write_json(tmp_path / "rows.json", [{"text": "raw", "clean": "tidy"}])
    assert values_of(path, {"text": "clean"}) == [{"text": "tidy"}]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"text": "sentense"}, "data.columns.text: .*no column 'sentense'; did you mean sentence"),
        ({"text": "zzz"}, "no column 'zzz'; there is id, sentence, gold"),
        ({"label": 3}, "data.columns.label: .*no column 3; it has 3, counted from 0: id, sent"),
    ],
)
def test_a_column_that_is_not_there_is_named(tmp_path, columns, said):
    path = write_json(tmp_path / "rows.json", [RECORD])
    with pytest.raises(DataError, match=said):
        values_of(path, columns)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"txt": "a"}, "'txt' is not a known field; did you mean text"),
        ({"text": -1}, "text: -1 is not a valid column position; the first column is 0"),
    ],
)
def test_a_role_that_there_is_not_is_refused_before_any_file_is_read(columns, said):
    with pytest.raises(ValidationError, match=said):
        DataConfig(train="none.json", columns=columns)


@pytest.mark.parametrize("name", ["Sentence", " TEXT ", "Review"])
def test_known_fields_are_known_in_capitals(tmp_path, name):
    path = write_json(tmp_path / "rows.json", [{name: "fine", "Label": 1, "Extra": 2}])
    (value,) = values_of(path)
    assert value == {name.strip().lower(): "fine", "label": 1, "Extra": 2}


def test_a_field_in_capitals_beside_one_in_small_letters_stays(tmp_path):
    record = {"Text": "loud", "text": "fine"}
    path = write_json(tmp_path / "rows.json", [record])
    assert values_of(path) == [record]
    assert values_of(path, {"text": "Text"}) == [{"text": "loud"}]


@pytest.mark.parametrize("names", ["012", ["_c0", "_c1", "_c2"], ["column0", "column1", "column2"]])
def test_columns_with_numbers_for_names_have_no_header(tmp_path, names):
    rows = [
        dict(zip(names, (n % 4 + 1, f"Title of {n}", f"What happened to {n}."), strict=True))
        for n in range(12)
    ]
    path = tmp_path / "rows.parquet"
    path.write_bytes(parquet(*rows))
    values = values_of(path)
    assert values[5] == {"text": "Title of 5\nWhat happened to 5.", "label": 2}
    assert values_of(path, {"text": 2, "label": 0})[5]["text"] == "What happened to 5."


def test_numbered_columns_that_do_not_tell_need_names(tmp_path):
    path = write_json(tmp_path / "rows.json", [{"0": n, "1": "a", "2": "b"} for n in range(9)])
    with pytest.raises(DataError, match=r"has 3 columns and its first row names no known field"):
        values_of(path)
