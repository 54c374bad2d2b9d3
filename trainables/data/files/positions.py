"""Names for the columns of a table without a header.

A single column is `text`. Of two, the one with fewer distinct values is `label` and the other
`text`. Of more, as in AG News, one column of repeated short values is `label` and the others are
the lines of `text`, if all of these are texts of several words; other tables need `data.columns`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from trainables.core.data_error import DataError, listing
from trainables.data.files.row import Row, Rows

Names = tuple[list[str], tuple[str, ...]]
"""A name for each column, and notes for the user."""

_NUMBER = re.compile(r"(column[ _]?|_c|f|unnamed: ?)?\d+", re.IGNORECASE)
_WIDTH = 2
_MOST_CLASSES = 100
_WORDS = 2
"""Average number of words in a cell, at least, of a column of texts."""


def names_without_header(path: Path, rows: Sequence[Sequence[str]]) -> Names:
    """The names by what the columns hold; DataError if that does not tell."""
    width = len(rows[0])
    if width == 1:
        return ["text"], ("no header; its one column is read as text",)
    whole = [row for row in rows if len(row) == width]
    columns = [[row[place] for row in whole] for place in range(width)]
    if width == 2:
        label = 0 if len({*columns[0]}) < len({*columns[1]}) else 1
    else:
        label = _label(path, columns)
    texts = [place for place in range(width) if place != label]
    names = ["label" if place == label else "text" for place in range(width)]
    which = f"column {texts[0]} is" if len(texts) == 1 else f"columns {listing(texts, 20)} are"
    return names, (f"no header; {which} read as text, column {label} as label",)


def with_positions(path: Path, rows: Rows) -> Rows:
    """The rows, with names where all columns have numbers for names, as tables without a header
    have after pandas, Spark or `datasets` wrote them to another format."""
    first = rows.rows[0].value if rows.rows else None
    if not isinstance(first, dict) or len(first) < _WIDTH or not all(map(_NUMBER.fullmatch, first)):
        return rows
    cells = [
        [str(value) for value in row.fields.values()]
        for row in rows.rows
        if isinstance(row.value, dict) and row.value.keys() == first.keys()
    ]
    names, notes = names_without_header(path, cells)
    named = dict(zip(first, names, strict=True))
    label = next(column for column, name in named.items() if name == "label")
    return Rows(tuple(_positioned(row, label) for row in rows.rows), (*rows.notes, *notes))


def _positioned(row: Row, label: str) -> Row:
    if not isinstance(row.value, dict) or label not in row.value:
        return row
    texts = [value for name, value in row.fields.items() if name != label]
    text = texts[0] if len(texts) == 1 else "\n".join(str(each) for each in texts)
    return Row(row.where, {"text": text, "label": row.fields[label]})


def _label(path: Path, columns: Sequence[Sequence[str]]) -> int:
    """The only column of classes, where all others are texts."""
    classes = [place for place, column in enumerate(columns) if _are_classes(column)]
    others = [column for place, column in enumerate(columns) if place not in classes]
    if len(classes) != 1 or not all(map(_are_texts, others)):
        raise DataError(
            f"{path} has {len(columns)} columns and its first row names no known field; "
            "name the columns, e.g. data.columns: {text: 0, label: 1}"
        )
    (label,) = classes
    _check_first(path, [column[0] for column in columns], Counter(columns[label]), label)
    return label


def _check_first(path: Path, first: Sequence[str], counts: Counter[str], label: int) -> None:
    """DataError if only the first row has its class, as a header with unknown names does."""
    single = [name for name, count in counts.items() if count == 1]
    if single == [first[label]]:
        text = next(cell for place, cell in enumerate(first) if place != label)
        raise DataError(
            f"{path}: its first row ({listing(first)}) looks like a header that names no known "
            f"field; name the columns, e.g. data.columns: {{text: {text}, label: {first[label]}}}"
        )


def _are_classes(column: Sequence[str]) -> bool:
    """Whether each value is there twice on average, and there are few."""
    distinct = len({*column})
    return distinct <= min(_MOST_CLASSES, len(column) // 2)


def _are_texts(column: Sequence[str]) -> bool:
    return sum(len(cell.split()) for cell in column) >= _WORDS * len(column)
