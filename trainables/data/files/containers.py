"""The records within one JSON object that is not a record itself.

| an object of                | for example                                                |
|-----------------------------|------------------------------------------------------------|
| one list of records         | {"version": "1.1", "data": [{...}, {...}]}                 |
| records by key              | {"a1": {"prompt": ...}, "a2": {"prompt": ...}}             |
| columns, as lists or by row | {"prompt": [...], "answer": [...]}, {"prompt": {"0": ...}} |
| names of columns, and rows  | {"columns": ["prompt", "answer"], "data": [[...], [...]]}  |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from trainables.config.roles import KNOWN_NAMES
from trainables.core.data_error import DataError

SPEAKERS = frozenset({"role", "from", "speaker"})
"""Fields of a turn: a list of objects with one of them is a chat."""

_CHATS = frozenset(
    {"messages", "conversations", "dialog", "dialogue", "utterances", "turns", "chat"}
)
_DEEPEST = 3
"""Objects within objects, at most, above a list of records."""


class Within(NamedTuple):
    """The records within an object, and a note about where they were."""

    records: Sequence[object]
    note: str


def records_within(path: Path, whole: Mapping[str, object], named: Collection[str]) -> Within:
    """The records within an object; the object itself if it is one record.

    `named` are the columns of `data.columns`. DataError if the object has several lists of records.
    """
    known = KNOWN_NAMES.union(named)
    if not whole or _is_record(whole, known):
        return Within([whole], "")
    return (
        _split_table(path, whole)
        or _listed_columns(path, whole, known)
        or _one_list(path, whole, known)
        or _by_key(whole, known)
        or Within([whole], "")
    )


def is_turns(value: object) -> bool:
    """Whether a value is a list of turns."""
    return isinstance(value, list) and bool(value) and all(map(_is_turn, value))


def _is_turn(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return any(name in value and not isinstance(value[name], list | dict) for name in SPEAKERS)


def _is_record(whole: Mapping[str, object], known: Collection[str]) -> bool:
    """Whether known fields have values of their own, not columns or records."""
    fields = {name: value for name, value in whole.items() if name.casefold() in known}
    if any(is_turns(each) or _is_turn(each) for each in fields.values()):
        return True
    if any(name in _CHATS and _are_texts(value) for name, value in fields.items()):
        return True
    own = sum(not isinstance(value, list | dict) for value in fields.values())
    inside = any(len(each) > 1 and _promises(each, known) for _, each in _lists(whole, "", 1))
    return own > (1 if inside else 0)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _split_table(path: Path, whole: Mapping[str, object]) -> Within | None:
    """pandas' orient="split"."""
    names, rows = whole.get("columns"), whole.get("data")
    if not (isinstance(names, list) and isinstance(rows, list) and _are_texts(names)):
        return None
    if not rows or not all(isinstance(row, list) for row in rows):
        return None
    wrong = next((n for n, row in enumerate(rows, start=1) if len(row) != len(names)), None)
    if wrong is not None:
        raise DataError(
            f"{path}: row {wrong} of data has {len(rows[wrong - 1])} values for {len(names)} "
            "columns; correct it"
        )
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return Within(records, "a table of columns and data is read")


def _listed_columns(
    path: Path, whole: Mapping[str, object], known: Collection[str]
) -> Within | None:
    """Columns as lists, one of them known; DataError if known ones are not of equal length."""
    lists = [value for value in whole.values() if isinstance(value, list)]
    named = {
        name: value
        for name, value in whole.items()
        if name.casefold() in known and isinstance(value, list) and not _are_objects(value)
    }
    if len({*map(len, named.values())}) > 1:
        counts = ", ".join(f"{name} ({len(each):,})" for name, each in named.items())
        raise DataError(f"{path} has columns of unequal length: {counts}; correct them")
    if len(lists) < len(whole) or not named or not lists[0] or len({*map(len, lists)}) > 1:
        return None
    records = [dict(zip(whole, row, strict=True)) for row in zip(*lists, strict=True)]
    return Within(records, f"columns are read as {len(records):,} records")


def _one_list(path: Path, whole: Mapping[str, object], known: Collection[str]) -> Within | None:
    """The only list of records, at any of the first levels; one with known fields goes first."""
    everything = dict(_lists(whole, "", 1))
    named = {name: each for name, each in everything.items() if _promises(each, known)}
    found = named or everything
    if len(found) > 1:
        counts = ", ".join(f"{name} ({len(each):,})" for name, each in found.items())
        raise DataError(
            f"{path} holds several lists of records: {counts}; save each as a file of its own"
        )
    for name, records in found.items():
        return Within(records, f"the list {name} is read")
    return None


def _lists(
    whole: Mapping[str, object], above: str, depth: int
) -> Iterator[tuple[str, list[object]]]:
    for name, value in whole.items():
        if isinstance(value, list) and (_are_objects(value) or _are_chats(value)):
            yield f"{above}{name}", value
        elif isinstance(value, dict) and depth < _DEEPEST:
            yield from _lists(value, f"{above}{name}.", depth + 1)


def _promises(records: list[object], known: Collection[str]) -> bool:
    """Whether the first of some records is a chat or has a known field."""
    first = records[0]
    return not isinstance(first, dict) or _any_known(first, known)


def _are_objects(value: list[object]) -> bool:
    return bool(value) and all(isinstance(each, dict) for each in value) and not is_turns(value)


def _are_chats(value: list[object]) -> bool:
    return bool(value) and all(map(is_turns, value))


def _by_key(whole: Mapping[str, object], known: Collection[str]) -> Within | None:
    """Records by key, or columns with a value for each row's key."""
    if all(map(is_turns, whole.values())):
        return Within([*whole.values()], f"{len(whole):,} chats are read by key")
    objects = [value for value in whole.values() if isinstance(value, dict)]
    if len(objects) < len(whole):
        return None
    inner = list(dict.fromkeys(name for each in objects for name in each))
    outer_known, inner_known = _any_known(whole, known), _any_known(inner, known)
    if outer_known and not inner_known:
        columns = dict(zip(whole, objects, strict=True))
        records = [
            {name: column[key] for name, column in columns.items() if key in column}
            for key in inner
        ]
        return Within(records, f"columns are read as {len(records):,} records")
    if inner_known and not outer_known:
        return Within(objects, f"{len(objects):,} records are read by key")
    return None


def _any_known(names: Collection[str], known: Collection[str]) -> bool:
    return any(name.casefold() in known for name in names)
