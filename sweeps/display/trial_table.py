"""Tables in the terminal: cells are never cut so that different values look the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from sweeps.display.parameters import fitted, show_params

_PADDING = 2
_LEAST_ROOM = 20
"""Minimum number of columns for the parameters, in any terminal."""

_AROUND = 12
"""Lines above and below a live table."""


def plain_table(*titles: str) -> Table:
    """A table without lines; long words wrap."""
    table = Table(box=None, padding=(0, _PADDING, 0, 0), pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


@dataclass(frozen=True)
class TrialRow:
    """A trial: its own columns, and its parameters or other words."""

    cells: Sequence[str]
    params: Mapping[str, object] = field(default_factory=dict)
    words: str = ""
    style: str = ""


@dataclass(frozen=True)
class TrialTable:
    """Trials with their parameters, as wide as the terminal.

    `titles` are those of the columns before the parameters, with minimum widths; columns in `left`
    contain words. A `live` table shows only the last rows that fit the terminal. If the first
    row's parameters are not shown in full, they are repeated below it under the name `full`.
    """

    titles: Mapping[str, int]
    rows: Sequence[TrialRow]
    left: Collection[str] = ()
    live: bool = False
    full: str = ""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        room = max(_LEAST_ROOM, options.max_width - self._width())
        rows = self._latest(room, console.height - _AROUND) if self.live else self.rows
        texts, common = _parameters(rows, room)
        table = plain_table()
        for title, least in self.titles.items():
            side: JustifyMethod = "left" if title in self.left else "right"
            table.add_column(title, justify=side, no_wrap=True, min_width=least)
        table.add_column("parameters", overflow="fold")
        for row, text in zip(rows, texts, strict=True):
            table.add_row(*row.cells, text, style=row.style)
        yield table
        if common:
            yield Text(f"common to all: {common}", "dim")
        if self.full and (common or "…" in texts[0]):
            yield Text(f"{self.full}: {show_params(self.rows[0].params)}", "dim")

    def _width(self) -> int:
        """Width before the parameters, in columns."""
        widths = [max(least, cell_len(title)) for title, least in self.titles.items()]
        for row in self.rows:
            widths = [max(w, cell_len(cell)) for w, cell in zip(widths, row.cells, strict=True)]
        return sum(width + _PADDING for width in widths)

    def _latest(self, room: int, lines: int) -> Sequence[TrialRow]:
        rows = self.rows
        while len(rows) > 1 and _lines(_parameters(rows, room)[0], room) > lines:
            rows = rows[1:]
        return rows


def _lines(texts: Iterable[str], room: int) -> int:
    return sum(len(wrap(text, room)) or 1 for text in texts)


def _parameters(rows: Sequence[TrialRow], room: int) -> tuple[list[str], str]:
    """The last column of each row, and the parameters common to all rows."""
    places = [place for place, row in enumerate(rows) if not row.words]
    shown, common = fitted([rows[place].params for place in places], room)
    texts = [row.words for row in rows]
    for place, text in zip(places, shown, strict=True):
        texts[place] = text
    return texts, common
