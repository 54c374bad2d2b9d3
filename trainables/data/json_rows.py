"""The records of a JSON list or of JSON lines, whichever a file holds; its suffix may lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainables.data.content import read_text
from trainables.data.errors import DataError
from trainables.data.row import Row


def json_rows(path: Path) -> list[Row]:
    """All records, in order; a file that is one object is one record."""
    text = read_text(path)
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        return _rows_of_lines(path, text, error)
    return _rows_of_value(path, whole)


def _rows_of_value(path: Path, whole: Any) -> list[Row]:
    if isinstance(whole, dict) or _is_one_chat(whole):
        return [Row(f"{path} line 1", whole)]
    if not isinstance(whole, list):
        raise DataError(f"{path} holds one {type(whole).__name__}; a list of records is needed")
    if not whole:
        raise DataError(f"{path} holds an empty list; add records to it")
    return [Row(f"{path} row {number}", value) for number, value in enumerate(whole, start=1)]


def _is_one_chat(value: Any) -> bool:
    """Whether a list is the turns of one chat and not a list of records."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) and "role" in turn for turn in value)
    )


def _rows_of_lines(path: Path, text: str, whole_error: json.JSONDecodeError) -> list[Row]:
    rows: list[Row] = []
    # not splitlines(): JSON strings may hold U+2028 and its like, which are no ends of lines
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(Row(f"{path} line {number}", json.loads(line)))
        except json.JSONDecodeError as error:
            if rows:
                raise _broken(path, text, error, number) from error
            # not even the first line can be read alone: the file is meant as one document
            raise _broken(path, text, whole_error, whole_error.lineno) from error
    return rows


def _broken(path: Path, text: str, error: json.JSONDecodeError, line: int) -> DataError:
    place = f"{path} line {line} column {error.colno}: {error.msg}"
    at_end = line >= text.rstrip().count("\n") + 1
    if at_end and not text.rstrip().endswith(("]", "}")):
        return DataError(f"{place}; the file is cut off there, so download or write it again")
    return DataError(f"{place}; this is not valid JSON, so repair or remove that line")
