"""The records of a JSON list or of JSON lines, by the file's content; its suffix may be wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from trainables.core.data_error import DataError, shown
from trainables.data.files.containers import is_turns, records_within
from trainables.data.files.decoding import UTF8, read_text
from trainables.data.files.row import Row, Rows
from trainables.data.files.sieve import Sieve
from trainables.data.files.strict_json import (
    JsonLimitError,
    Repeat,
    objects_within,
    parse,
    repeat_within,
)


class Line(NamedTuple):
    """One line parsed by itself: its value, or the reason for having none."""

    number: int
    value: object
    error: json.JSONDecodeError | JsonLimitError | None
    repeat: Repeat | None


def json_rows(
    path: Path,
    encoding: str = UTF8,
    sieve: Sieve | None = None,
    named: Collection[str] = (),
) -> Rows:
    """All records, in order; a file with a single object is one record, or holds them.

    `named` are the columns of `data.columns`, which tell a record from an object that holds some.
    """
    sieve = sieve or Sieve()
    text = read_text(path, encoding)
    try:
        whole, repeats = parse(text)
    except JsonLimitError as error:
        whole_error: json.JSONDecodeError | JsonLimitError = error
    except json.JSONDecodeError as error:
        whole_error = error
    else:
        return _rows_of_whole(path, whole, repeats, sieve, named)
    rows = _rows_of_lines(path, text, whole_error, sieve)
    sieve.check_left(path, len(rows))
    return Rows(tuple(rows))


def _rows_of_whole(
    path: Path, whole: object, repeats: Sequence[Repeat], sieve: Sieve, named: Collection[str]
) -> Rows:
    if not isinstance(whole, dict):
        return Rows(tuple(_without_repeats(_rows_of_list(path, whole), repeats, sieve)))
    within = records_within(path, whole, named)
    if not within.note:
        return Rows(tuple(_without_repeats([Row(f"{path} line 1", whole)], repeats, sieve)))
    rows = _rows_of_list(path, list(within.records))
    _check_around(path, rows, repeats)
    return Rows(tuple(_without_repeats(rows, repeats, sieve)), (within.note,))


def _check_around(path: Path, rows: Sequence[Row], repeats: Sequence[Repeat]) -> None:
    """DataError on a repeated field outside the records, which may have hidden some of them."""
    if not repeats:
        return
    inside = {id(each) for row in rows for each in objects_within(row.value)}
    around = next((repeat for repeat in repeats if id(repeat.holder) not in inside), None)
    if around is not None:
        raise _repeated(str(path), around)


def _rows_of_list(path: Path, whole: object) -> list[Row]:
    if is_turns(whole):
        return [Row(f"{path} line 1", whole)]
    if not isinstance(whole, list):
        raise DataError(f"{path} is {shown(whole)}; it must be a list of records")
    if not whole:
        raise DataError(f"{path} is an empty list; add records to it")
    return [Row(f"{path} row {number}", value) for number, value in enumerate(whole, start=1)]


def _without_repeats(rows: list[Row], repeats: Sequence[Repeat], sieve: Sieve) -> list[Row]:
    """The rows of a list without those with a repeated field in an object."""
    if not repeats:
        return rows
    kept = []
    by_holder = {id(repeat.holder): repeat for repeat in repeats}
    for row in rows:
        repeat = repeat_within(row.value, by_holder)
        if repeat is None:
            kept.append(row)
        else:
            sieve.put(row.where, _repeated(row.where, repeat))
    return kept


def _rows_of_lines(
    path: Path, text: str, whole_error: json.JSONDecodeError | JsonLimitError, sieve: Sieve
) -> list[Row]:
    # not splitlines(): JSON strings may hold U+2028 and the like, which do not end a line
    numbered = enumerate(text.split("\n"), start=1)
    lines = [_line(number, line) for number, line in numbered if line.strip()]
    end = _End.of(text)
    if _is_one_document(text, lines):
        raise _broken(path, end, whole_error)
    rows = []
    for line in lines:
        where = f"{path} line {line.number}"
        if line.error is not None:
            sieve.put(where, _broken(path, end, line.error, line.number))
        elif line.repeat is not None:
            sieve.put(where, _repeated(where, line.repeat))
        else:
            rows.append(Row(where, line.value))
    return rows


def _line(number: int, text: str) -> Line:
    try:
        value, repeats = parse(text)
    except (json.JSONDecodeError, JsonLimitError) as error:
        return Line(number, None, error, None)
    return Line(number, value, None, repeats[0] if repeats else None)


def _is_one_document(text: str, lines: Sequence[Line]) -> bool:
    """Whether a broken file was meant as one list or object rather than as lines."""
    begins_a_list = text.lstrip().startswith("[") and lines[0].error is not None
    return begins_a_list or not any(isinstance(line.value, dict | list) for line in lines)


class _End(NamedTuple):
    """End of a file: the number of its last non-blank line, and whether it is cut off."""

    line: int
    cut: bool

    @classmethod
    def of(cls, text: str) -> _End:
        stripped = text.rstrip()
        return cls(stripped.count("\n") + 1, not stripped.endswith(("]", "}")))


def _broken(
    path: Path, end: _End, error: json.JSONDecodeError | JsonLimitError, line: int | None = None
) -> DataError:
    """The error for a broken line, or for the whole document."""
    if isinstance(error, JsonLimitError):
        return DataError(f"{path}{f' line {line}' if line else ''}: {error}", "broken JSON")
    line = line or error.lineno
    place = f"{path} line {line} column {error.colno}: {error.msg}"
    if line >= end.line and end.cut:
        way_out = "the file ends too early; download or write it again"
    else:
        way_out = "not valid JSON; repair or remove the line"
    return DataError(f"{place}; {way_out}", "broken JSON")


def _repeated(where: str, repeat: Repeat) -> DataError:
    first, second = (shown(value) for value in repeat.values)
    return DataError(
        f"{where}: field {shown(repeat.name)} appears twice ({first} and {second}); remove one",
        "field twice",
    )
