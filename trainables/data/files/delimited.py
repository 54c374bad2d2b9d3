"""The records of CSV and TSV files, with or without a header.

A first row that names a known field, or a column of `data.columns`, is a header. positions.py has
the names without a header.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from trainables.config.roles import KNOWN_NAMES, NUMBERS
from trainables.core.data_error import DataError, shown
from trainables.data.files.columns import Columns, named_in
from trainables.data.files.decoding import UTF8, read_text
from trainables.data.files.positions import names_without_header
from trainables.data.files.row import Row, Rows
from trainables.data.files.sieve import Sieve


class Line(NamedTuple):
    """The cells of one record, and the number of its first line."""

    number: int
    cells: tuple[str, ...]


def csv_rows(
    path: Path, columns: Columns, encoding: str = UTF8, sieve: Sieve | None = None
) -> Rows:
    """The records of a CSV file; semicolons or tabs are separators if the header has no commas."""
    text = read_text(path, encoding)
    lines = _parsed(path, text, _delimiter(text, columns))
    return _rows(path, lines, columns, sieve or Sieve())


def tsv_rows(
    path: Path, columns: Columns, encoding: str = UTF8, sieve: Sieve | None = None
) -> Rows:
    """The records of a TSV file; its quotes may be quoting or part of the text."""
    text = read_text(path, encoding)
    plain = [
        Line(number, tuple(line.split("\t")))
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    lines = _parsed(path, text, "\t") if _is_quoted(plain) else plain
    return _rows(path, lines, columns, sieve or Sieve())


def is_tsv(text: str) -> bool:
    """Whether most non-blank lines have exactly one tab."""
    lines = [line for line in text.split("\n") if line.strip()]
    return 2 * sum(line.count("\t") == 1 for line in lines) > len(lines)


def _delimiter(text: str, columns: Columns) -> str:
    first = text.lstrip("\n").partition("\n")[0]
    for other in (";", "\t"):
        if "," not in first and _is_header(first.replace('"', "").split(other), columns):
            return other
    return ","


def _is_quoted(lines: Sequence[Line]) -> bool:
    """Whether the quotes in a TSV are spreadsheet-style quoting.

    Yes if cells break off within quotes. Also yes if each cell with a leading quote is properly
    quoted, and either some cell needed quoting or a whole column is quoted.
    """
    begun = [cell for line in lines for cell in line.cells if cell.startswith('"')]
    whole = [cell for cell in begun if _is_whole(cell)]
    if len(whole) < len(begun):
        return len({len(line.cells) for line in lines}) > 1
    return len(whole) >= len(lines) or any('""' in cell[1:-1] for cell in whole)


def _is_whole(cell: str) -> bool:
    """Whether a cell with a leading quote ends with one and has only doubled quotes between."""
    return len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")


def _parsed(path: Path, text: str, delimiter: str) -> list[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Line] = []
    begins = 1
    try:
        with _cells_of_any_size():
            for cells in reader:
                if any(map(str.strip, cells)):
                    lines.append(Line(begins, tuple(cells)))
                begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path} line {begins}: {error}; close its quotes, and write a quote within "
            'quotes as ""'
        ) from error
    return lines


@contextmanager
def _cells_of_any_size() -> Iterator[None]:
    """Lift the csv module's limit of 128 KiB, which is process-wide, and restore it."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _rows(path: Path, lines: Sequence[Line], columns: Columns, sieve: Sieve) -> Rows:
    if not lines:
        raise DataError(f"{path} contains only empty cells; add records to it")
    header = _has_header(lines, columns)
    names, notes = (
        _header(path, lines[0], columns) if header else _by_position(path, lines, columns)
    )
    body = lines[1:] if header else lines
    if not body:
        raise DataError(f"{path} holds a header and no records; add records below it")
    whole = _of_width(path, body, len(names), sieve)
    sieve.check_left(path, len(whole))
    rows = (Row(f"{path} line {line.number}", _record(names, line.cells)) for line in whole)
    return Rows(tuple(rows), notes)


def _by_position(
    path: Path, lines: Sequence[Line], columns: Columns
) -> tuple[list[str], tuple[str, ...]]:
    if columns:
        return [f"column {place}" for place in range(len(lines[0].cells))], ()
    return names_without_header(path, [line.cells for line in lines])


def _has_header(lines: Sequence[Line], columns: Columns) -> bool:
    """Whether the first row is a header: a name in it is not a value that its column has again."""
    first = lines[0].cells
    if not _is_header(first, columns):
        return False
    if not named_in(columns).isdisjoint(map(str.strip, first)):
        return True
    others = [line.cells for line in lines if len(line.cells) == len(first) and line.cells != first]
    return any(
        cell.strip().casefold() in KNOWN_NAMES and not any(cell == row[place] for row in others)
        for place, cell in enumerate(first)
    )


def _is_header(cells: Iterable[str], columns: Columns) -> bool:
    named = named_in(columns)
    return any(cell.strip().casefold() in KNOWN_NAMES or cell.strip() in named for cell in cells)


def _header(path: Path, line: Line, columns: Columns) -> tuple[list[str], tuple[str, ...]]:
    names = [_name(cell.strip(), place, columns) for place, cell in enumerate(line.cells)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path} line {line.number}: two columns are named {twice}; rename one")
    return names, ()


def _name(cell: str, place: int, columns: Columns) -> str:
    if not cell:
        return f"column {place}"
    known = cell not in named_in(columns) and cell.casefold() in KNOWN_NAMES
    return cell.casefold() if known else cell


def _of_width(path: Path, lines: Sequence[Line], width: int, sieve: Sieve) -> list[Line]:
    """The lines with the same number of cells as the first."""
    for line in lines:
        if len(line.cells) != width:
            where = f"{path} line {line.number}"
            message = (
                f"{where} has {len(line.cells)} cells where the file began with {width} "
                f"({shown(line.cells[-1])} is the last); quote a cell that holds the separator, "
                "or remove the line"
            )
            sieve.put(where, DataError(message, "wrong number of cells"))
    return [line for line in lines if len(line.cells) == width]


def _record(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells by name; several of one name are its lines."""
    record: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=True):
        record[name] = f"{record[name]}\n{cell}" if name in record else cell
    return record


def with_numbers(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with the cells of numeric fields as numbers; an empty cell is None."""
    for row in rows:
        yield Row(row.where, {name: _cell(name, cell) for name, cell in row.fields.items()})


def _cell(name: str, cell: object) -> object:
    if name not in NUMBERS or not isinstance(cell, str):
        return cell
    try:
        return float(cell) if cell.strip() else None
    except ValueError:
        return cell
