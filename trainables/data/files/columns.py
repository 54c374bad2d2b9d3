"""`data.columns`: the file's own names, or positions, of the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from trainables.config.data import Column
from trainables.config.roles import KNOWN_NAMES
from trainables.core.data_error import DataError, did_you_mean
from trainables.data.files.row import Row

Columns = Mapping[str, Column]
"""From role to column name, or to column position, counted from 0; text may have two."""


def named_in(columns: Columns) -> set[str]:
    """The column names among the values."""
    each = (c for column in columns.values() for c in _listed(column))
    return {column for column in each if isinstance(column, str)}


def in_small_letters(rows: Sequence[Row], columns: Columns) -> Sequence[Row]:
    """The rows with known fields in small letters, as in roles.py, unless `columns` names them."""
    names = {name for row in rows if isinstance(row.value, dict) for name in row.value}
    small = {
        name: name.strip().casefold()
        for name in names.difference(named_in(columns))
        if name not in KNOWN_NAMES and name.strip().casefold() in KNOWN_NAMES.difference(names)
    }
    if not small or len({*small.values()}) < len(small):
        return rows
    return [
        Row(row.where, {small.get(name, name): value for name, value in row.fields.items()})
        if isinstance(row.value, dict)
        else row
        for row in rows
    ]


def renamed(rows: Sequence[Row], columns: Columns, place: str | Path) -> list[Row]:
    """The rows with their roles as field names; DataError if a column is in no row."""
    if not columns:
        return list(rows)
    records = [row.fields for row in rows if isinstance(row.value, dict)]
    known = list(dict.fromkeys(str(name) for record in records for name in record))
    names = {
        field: _name(role, column, known, place)
        for role, value in columns.items()
        for field, column in zip((role, f"{role}_pair"), _listed(value), strict=False)
    }
    taken = {*names, *names.values()}
    return [
        Row(row.where, _renamed(row.fields, names, taken)) if isinstance(row.value, dict) else row
        for row in rows
    ]


def _listed(column: Column) -> tuple[str | int, ...]:
    return column if isinstance(column, tuple) else (column,)


def _name(role: str, column: str | int, known: Sequence[str], place: str | Path) -> str:
    if isinstance(column, int) and column < len(known):
        return known[column]
    if column in known:
        return str(column)
    problem = f"data.columns.{role}: {place} has no column {column!r}"
    if isinstance(column, int):
        raise DataError(f"{problem}; it has {len(known)}, counted from 0: {', '.join(known)}")
    raise DataError(f"{problem}; {did_you_mean(column, known)}")


def _renamed(
    record: Mapping[str, object], names: Mapping[str, str], taken: set[str]
) -> dict[str, object]:
    mine = {role: record[name] for role, name in names.items() if name in record}
    return {**mine, **{name: value for name, value in record.items() if name not in taken}}
