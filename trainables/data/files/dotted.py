"""Dotted names in `data.columns`: values within a field, such as answers.text or answers.text.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trainables.data.files.columns import Columns, named_in
from trainables.data.files.row import Row


class _Found(NamedTuple):
    """A value at the end of a dotted name."""

    value: object


def dotted_roots(columns: Columns) -> frozenset[str]:
    """The names of columns, and the fields in which dotted ones begin, in lower case."""
    names = [name.casefold() for name in named_in(columns)]
    return frozenset([*names, *(name.partition(".")[0] for name in names)])


def with_dotted(rows: Sequence[Row], columns: Columns) -> Sequence[Row]:
    """The rows with the values of dotted names under these names, in place of the whole fields.

    A field that has the dotted name as its own name is not touched.
    """
    dotted = [name for name in named_in(columns) if "." in name]
    return [_resolved(row, dotted) for row in rows] if dotted else rows


def _resolved(row: Row, dotted: Sequence[str]) -> Row:
    if not isinstance(row.value, dict):
        return row
    paths = {name: _at(row.fields, name) for name in dotted if name not in row.value}
    found = {name: each.value for name, each in paths.items() if each is not None}
    whole = {name.partition(".")[0] for name in found}
    rest = {name: value for name, value in row.fields.items() if name not in whole}
    return Row(row.where, {**rest, **found})


def _at(record: Mapping[str, object], name: str) -> _Found | None:
    value: object = record
    for part in name.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return _Found(value)
