"""Several labels in one cell: with a delimiter between them, or as a list that a program wrote."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from trainables.config.roles import ALIASES
from trainables.data.files.row import Row

_FIELDS = ("label", *ALIASES["label"])


def with_lists(rows: Iterable[Row], delimiter: str | None) -> Iterator[Row]:
    """The rows with such cells as lists; with a delimiter, an empty cell is an empty list."""
    for row in rows:
        if isinstance(row.value, Mapping):
            name = next((name for name in _FIELDS if name in row.fields), None)
            found = _several(row.fields[name], delimiter) if name else None
            yield row if found is None else Row(row.where, {**row.fields, str(name): found})
        else:
            yield row


def _several(value: object, delimiter: str | None) -> list[object] | None:
    """The labels in a cell; None if it is no list."""
    if not isinstance(value, str):
        return None
    if value.strip().startswith("[") and value.strip().endswith("]"):
        return _parsed(value)
    if delimiter is None:
        return None
    return [part.strip() for part in value.split(delimiter) if part.strip()]


def _parsed(value: str) -> list[object] | None:
    """A list of names and numbers as Python or JSON writes it; None for any other text."""
    try:
        found = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    plain = isinstance(found, list) and all(isinstance(each, str | int | float) for each in found)
    return list(found) if plain else None
