"""Pairs of text columns, recognised by the names that public data sets give them."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.config.roles import TEXT_PAIRS
from trainables.data.files.columns import Columns
from trainables.data.files.row import Row


def with_pair(rows: Sequence[Row], columns: Columns) -> Columns:
    """`columns` with a known pair as text, if the rows have one and no other column is named.

    A column `text` is the text all the same.
    """
    found = None if {"text", "text_pair"} & columns.keys() else _pair_in(rows)
    return columns if found is None else {**columns, "text": found}


def _pair_in(rows: Sequence[Row]) -> tuple[str, str] | None:
    first = next((row.fields for row in rows if isinstance(row.value, dict)), {})
    if "text" in first:
        return None
    return next((pair for pair in TEXT_PAIRS if all(name in first for name in pair)), None)
