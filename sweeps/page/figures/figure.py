"""A chart of the report: plotly's JSON, and its words for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from results.ranking.strict import strict

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Trace = dict[str, Json]
Layout = dict[str, Json]


@dataclass(frozen=True)
class Figure:
    """A chart. `alt` says what it shows, `caption` how to read it."""

    key: str
    title: str
    alt: str
    caption: str
    data: Sequence[Trace]
    layout: Layout = field(default_factory=dict)

    def json(self) -> object:
        """The chart for plotly.js, with null for NaN and infinity, and short numbers."""
        return strict({"data": _short(list(self.data)), "layout": _short(self.layout)})


def _short(value: Json) -> Json:
    """Numbers to six significant digits: more cannot be seen, and 500 trials have many."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_short(inner) for inner in value]
    return value


def chained(lines: Iterable[Sequence[Json]]) -> list[Json]:
    """The coordinates of several lines in one trace, with a gap between two lines."""
    joined: list[Json] = []
    for line in lines:
        joined += [*line, None]
    return joined[:-1]


def axis(title: str, **more: Json) -> Layout:
    """An axis with a title."""
    return {"title": {"text": title}, "automargin": True, **more}


def listed(numbers: Sequence[float]) -> list[Json]:
    """Numbers as JSON; mypy takes no list of floats for a list of values."""
    return list(numbers)


def plain(text: str) -> str:
    """`text` without the marks that plotly would read as tags."""
    return text.replace("<", "‹").replace(">", "›")
