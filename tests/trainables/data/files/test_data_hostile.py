"""Bad input ends before any trial, in one message with file, row, value and a way out."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from bad_files import BAD, QA, SINGLE_ROWS, lines, sources, written
from cpu_time import within
from pydantic import ValidationError

from trainables.config.data import DataConfig
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.data.files.origin import find
from trainables.data.sets.sources import Sources

SECONDS = 10
"""The most of a processor that refusing a file may take, on a slow machine."""


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.id)
def test_bad_input_is_refused_with_file_place_value_and_way_out(tmp_path, case):
    path = written(tmp_path, case)
    with within(SECONDS), pytest.raises(DataError) as caught:
        sources(path, case.objective, **case.data)
    message = str(caught.value)
    assert re.match(rf"(data\.columns\.\w+: )?{path}{case.said}", message), message
    assert (";" in message) and len(message) < 1_000 and message.isprintable()
    assert ("--skip-bad-rows" in message) == (case in SINGLE_ROWS or case.id == "no answers at all")


@pytest.mark.parametrize("case", [case for case in BAD if case.rows_left], ids=lambda case: case.id)
def test_a_bad_row_is_skipped_and_counted_on_request(tmp_path, case):
    path = written(tmp_path, case)
    data = {**case.data, "bad_rows": "skip"}
    config = TrialConfig(model="m", objective=case.objective, data={"train": str(path), **data})
    found = Sources.read(config)
    (file,) = found.train
    assert (len(file.records), len(file.bad)) == (case.rows_left, 1)
    (note,) = [note for note in found.notes if "left out" in note]
    assert note.startswith(f"{case.name}: 1 bad row left out, the first: ({path} ")


@pytest.mark.parametrize(
    "case", [case for case in BAD if not case.rows_left], ids=lambda case: case.id
)
def test_skipping_helps_no_file_of_which_nothing_is_left(tmp_path, case):
    path = written(tmp_path, case)
    with pytest.raises(DataError, match=str(path)):
        sources(path, case.objective, **{**case.data, "bad_rows": "skip"})


def test_a_count_and_the_first_three_bad_rows_are_said(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(QA, 1, 2, {**QA, "output": {}}, *[{**QA, "output": ""}] * 1_000, QA))
    found = sources(path, "sft", bad_rows="skip")
    assert [note for note in found.notes if "bad rows" in note] == [
        f"rows.jsonl: 1,003 bad rows left out, the first: "
        f"({path} line 2 is int 1; a record is an object with fields); "
        f"({path} line 3 is int 2; a record is an object with fields); "
        f"({path} line 4: output is dict {{}}; it must be a string or turns)"
    ]


def test_a_file_of_bad_rows_only_says_how_many_and_the_first(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines({**QA, "output": {}}, {**QA, "output": ""}))
    with pytest.raises(DataError, match=f"^{path}: all of its 2 rows are bad; {path} line 1: outp"):
        sources(path, "sft", bad_rows="skip")


def test_skipped_rows_before_the_first_good_one_do_not_choose_the_format(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines({"ask": 1}, {"text": "a"}, QA, QA))
    (file,) = sources(path, "sft", bad_rows="skip").train
    assert (file.format.name, len(file.records), len(file.bad)) == ("alpaca", 2, 2)


@pytest.mark.parametrize(
    ("labels", "held_out", "said"),
    [
        ("aaaa", "a", r"^data\.train: all records have the label 'a'; .* add records of another"),
        ("abab", "c", r"line 1: label 'c' is not among .* \(a, b\); correct it.*--skip-bad-rows"),
    ],
)
def test_one_class_and_unknown_classes_are_refused(tmp_path, labels, held_out, said):
    path, other = tmp_path / "train.jsonl", tmp_path / "held_out.jsonl"
    path.write_bytes(lines(*({"text": f"{n}", "label": each} for n, each in enumerate(labels))))
    other.write_bytes(lines({"text": "x", "label": held_out}))
    with pytest.raises(DataError, match=said):
        sources(path, "classification", validation=str(other))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"encoding": "utf-9"},
            "'utf-9' is not a text encoding; use utf-8, utf-16, gb18",
        ),
        ({"encoding": "base64"}, "'base64' is not a text encoding"),
        ({"encoding": "undefined"}, "'undefined' is not a text encoding"),
        ({"encoding": "a\0b"}, "is not a text encoding"),
        ({"train": ""}, "'' names no file; use the name of a file, folder or data set"),
        ({"train": []}, "names no file"),
        ({"validation": ""}, "'' names no file"),
    ],
)
def test_settings_that_name_nothing_are_refused_before_any_file_is_read(data, said):
    with pytest.raises(ValidationError, match=said):
        DataConfig(**{"train": "none.json", **data})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("~no_such_user/rows.json", "no_such_user.*write the whole path"),
        ("none.json", "does not exist .looked from .*; correct the path"),
        ("rows.xlsx", "xlsx suffix is not supported; convert it to"),
        ("a" * 300 + ".json", "too long"),
    ],
)
def test_names_of_no_files_are_refused(tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((DataError, OSError), match=said):
        sources(Path(name), "sft")


def test_a_pipe_is_no_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    os.mkfifo(path)
    with pytest.raises(DataError, match="is not a regular file"):
        sources(path, "sft")


def test_what_has_no_end_is_refused_before_its_hash_is_made(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    for name in ("pipe.jsonl", "zero.jsonl"):
        with pytest.raises(DataError, match="is not a regular file"):
            find(str(tmp_path / name))
