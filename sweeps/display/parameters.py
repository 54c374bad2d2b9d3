"""Trials' parameters as text: in YAML notation, distinct for distinct values. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile

from search_spaces.values import show

LONG = 24
"""Length above which a value is shortened to its differing parts if space is short."""

_DIGITS = range(3, 18)
"""Significant digits of a number: three, or enough to distinguish two numbers."""

_AFTER_A_PART = re.compile(r"(?<=[/\\,;:_. -])")


def show_params(params: Mapping[str, object]) -> str:
    """Searched values, short enough to read: `learning_rate 0.00021  lora.rank 8`."""
    return _joined({name: show_value(value) for name, value in params.items()})


def show_value(value: object, digits: int = _DIGITS[0]) -> str:
    """The notation of specs and --set; numbers to three significant digits."""
    if isinstance(value, float):
        return f"{value:.{digits}g}" if math.isfinite(value) else _NOT_FINITE[f"{value:g}"]
    return show(value)


_NOT_FINITE = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}


def fitted(rows: Sequence[Mapping[str, object]], room: int) -> tuple[list[str], str]:
    """The parameters of trials in a column, and the parameters common to all; the latter are empty
    if all parameters fit into each row.

    If a row is longer than `room` columns, long values are shortened to the parts that differ
    between rows. Rows are not cut further: differences are always shown.
    """
    whole = _texts(rows, cut=False)
    if _fit(whole, room):
        return list(map(_joined, whole)), ""
    cut = _texts(rows, cut=True)
    if _fit(cut, room) or len(rows) < 2:
        return list(map(_joined, cut)), ""
    first, *others = cut
    common = {
        name: text
        for name, text in first.items()
        if all(other.get(name) == text for other in others)
    }
    differing = [{name: text for name, text in row.items() if name not in common} for row in cut]
    return list(map(_joined, differing)), _joined(common)


def _fit(rows: Iterable[Mapping[str, str]], room: int) -> bool:
    return all(len(_joined(row)) <= room for row in rows)


def _joined(texts: Mapping[str, str]) -> str:
    return "  ".join(f"{name} {text}" for name, text in texts.items())


def _texts(rows: Sequence[Mapping[str, object]], cut: bool) -> list[dict[str, str]]:
    texts: list[dict[str, str]] = [{} for _ in rows]
    for name in dict.fromkeys(name for row in rows for name in row):
        having = [place for place, row in enumerate(rows) if name in row]
        shown = _told_apart([rows[place][name] for place in having], cut)
        for place, text in zip(having, shown, strict=True):
            texts[place][name] = text
    return [{name: text[name] for name in row} for row, text in zip(rows, texts, strict=True)]


def _told_apart(values: Sequence[object], cut: bool) -> list[str]:
    """Values of one parameter as text, with equal texts for equal values only."""
    exact = [show_value(value, _DIGITS[-1]) for value in values]
    whole = exact
    for digits in _DIGITS:
        whole = [show_value(value, digits) for value in values]
        if len(set(whole)) == len(set(exact)):
            break
    if not cut or max(map(len, whole)) <= LONG:
        return whole
    shorter = _cut(values, whole)
    return shorter if len(set(shorter)) == len(set(whole)) else whole


def _cut(values: Sequence[object], whole: Sequence[str]) -> list[str]:
    """Values as text; long lists and texts without their common beginning and end."""
    shorter = list(whole)
    if len(set(whole)) == 1:
        return shorter
    for kind in (list | tuple, str):
        is_long = (
            isinstance(v, kind) and len(w) > LONG for v, w in zip(values, whole, strict=True)
        )
        parts = {place: _parts(values[place]) for place, long in enumerate(is_long) if long}
        ends = _common(set(map(tuple, parts.values())))
        for place, each in parts.items():
            shorter[place] = _without_ends(each, *ends, is_text=kind is str)
    return shorter


def _parts(value: object) -> list[str]:
    if isinstance(value, str):
        return _AFTER_A_PART.split(value)
    return [show_value(each) for each in value] if isinstance(value, list | tuple) else []


def _common(different: Collection[tuple[str, ...]]) -> tuple[int, int]:
    """Numbers of common parts at the beginning and at the end; each keeps at least one part.

    A single value keeps its beginning.
    """
    most = min(map(len, different), default=1) - 1
    if len(different) == 1:
        return 0, max(0, most - 1)
    head = min(most, _shared_start(different))
    return head, min(most - head, _shared_start([each[::-1] for each in different]))


def _shared_start(sequences: Iterable[tuple[str, ...]]) -> int:
    together = zip(*sequences, strict=False)
    return sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, together))


def _without_ends(parts: Sequence[str], head: int, tail: int, is_text: bool) -> str:
    middle = [*(["…"] if head else []), *parts[head : len(parts) - tail], *(["…"] if tail else [])]
    return "".join(middle) if is_text else f"[{', '.join(middle)}]"
