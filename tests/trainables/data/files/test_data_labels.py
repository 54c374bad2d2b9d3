"""Pairs of text columns, and several labels in one cell."""

from __future__ import annotations

import json

import pytest
from data_samples import read_records

from trainables.config.data import DataConfig
from trainables.core.data_error import DataError
from trainables.data.files.label_lists import with_lists
from trainables.data.files.row import Row
from trainables.data.records.records import Labelled


@pytest.mark.parametrize(
    "names",
    [("sentence1", "sentence2"), ("question", "sentence"), ("premise", "hypothesis")],
)
def test_known_pairs_of_columns_are_a_pair_of_texts(tmp_path, names):
    path = tmp_path / "pairs.tsv"
    path.write_text("\t".join([*names, "label", "idx"]) + "\na\tb\t1\t0\nc\td\t0\t1\n")
    file = read_records(path, "classification")
    assert file.records == (Labelled("a", "1", text_pair="b"), Labelled("c", "0", text_pair="d"))
    assert (file.format.name, file.unread_fields) == ("text_pair_label", ("idx",))


def test_a_column_that_is_not_read_as_a_label_can_be_named(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("text,genres\na,b\n")
    said = (
        r"or name in data\.columns which of its fields \(text, genres\).*text_label \{text, label"
    )
    with pytest.raises(DataError, match=said):
        read_records(path, "classification")
    assert read_records(path, "classification", {"label": "genres"}).records == (
        Labelled("a", "b"),
    )


@pytest.mark.parametrize("columns", [{"text": ("left", "right")}, {"text": (0, 1), "label": 2}])
def test_two_columns_can_be_named(tmp_path, columns):
    path = tmp_path / "pairs.csv"
    path.write_text("left,right,label\na,b,x\n")
    assert read_records(path, "classification", columns).records == (
        Labelled("a", "x", text_pair="b"),
    )


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"text": ["a"]}, "not a pair"),
        ({"text": ["a", "a"]}, "not a pair"),
        ({"text": ["a", "b", "c"]}, "not a pair"),
        ({"label": ["a", "b"]}, "only text can be a pair"),
        ({"text": ["a", -1]}, "not a valid column position"),
        ({"text": ["a", "b"], "text_pair": "c"}, "a third"),
    ],
)
def test_other_lists_of_columns_are_mistakes(columns, said):
    with pytest.raises(ValueError, match=said):
        DataConfig(train="a.csv", columns=columns)


@pytest.mark.parametrize(
    ("cell", "delimiter", "read"),
    [
        ("a|b", "|", ["a", "b"]),
        ("a | ", "|", ["a"]),
        ("", "|", []),
        (None, "|", None),
        ("a|b", None, "a|b"),
        ("['a', 'b']", None, ["a", "b"]),
        ('["a", 1]', None, ["a", 1]),
        ("[]", None, []),
        ("[x]", None, "[x]"),
        ("[[1]]", None, "[[1]]"),
        (["a"], "|", ["a"]),
    ],
)
def test_a_cell_may_hold_several_labels(cell, delimiter, read):
    (row,) = with_lists([Row("row 1", {"text": "t", "labels": cell})], delimiter)
    assert json.dumps(row.fields["labels"]) == json.dumps(read)
