"""A data inspection in words, tables and bars, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.bar import Bar
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from sweeps.display.terminal import escaped
from sweeps.run.inspection import Inspection
from trainables.data.sets.summary import FileCounts, Side
from trainables.data.tokens.samples import Sample, Stretches
from trainables.objectives.registry import OBJECTIVES

WIDTH = 100
TRAINED = "bold green"

_NUMBERS = frozenset({"rows", "used", "examples", "sequences", "tokens", "scored"})
_WRAPPED = frozenset({"file", "left out", "labels"})
_MOST_LABELS = 12
_HEAD, _TAIL = 240, 100
"""Characters shown from the beginning and the end of a long stretch."""


def report(inspection: Inspection, console: Console) -> Group:
    """The full report; without a terminal, [[ ]] mark the trained text."""
    summary = inspection.summary
    return Group(
        _files(summary.files),
        Text(),
        _sets(inspection),
        Text(),
        *_remarks(inspection),
        Text(f"tokens of the training sequences (at most {summary.max_length:,})", style="bold"),
        _lengths(inspection),
        *_samples(inspection, console.is_terminal),
    )


def _files(files: tuple[FileCounts, ...]) -> Table:
    table = _table("file", "format", "rows", "used", "left out")
    for file in files:
        reasons = [
            f"{count:,} {reason} (first: {_place(file.first_dropped[reason])})"
            for reason, count in file.dropped.items()
        ]
        counts = f"{file.rows:,}", f"{file.used:,}"
        table.add_row(file.name, file.format, *counts, "\n".join(reasons) or "none")
    return table


def _place(where: str) -> str:
    """ "row 3" of "folder/chats.json row 3"."""
    return " ".join(where.rsplit(" ", 2)[-2:])


def _sets(inspection: Inspection) -> Table:
    sets = inspection.summary.sets
    learns = OBJECTIVES[inspection.objective]
    scored = any(side.targets for side in sets.values()) and not learns.rolls_out
    extra = _extra_title(inspection)
    titles = ["set", "examples", "sequences", "tokens", *(["scored"] if scored else [])]
    table = _table(*titles, *([extra] if extra else []))
    for name, side in sets.items():
        numbers = [side.examples, side.sequences, side.tokens, *([side.targets] if scored else [])]
        table.add_row(name, *(f"{number:,}" for number in numbers), *_extra(side))
    return table


def _extra_title(inspection: Inspection) -> str:
    sides = inspection.summary.sets.values()
    if any(side.labels for side in sides):
        return "labels"
    numbers = "rewards" if inspection.objective == "reward" else "numbers"
    return numbers if any(side.rewards for side in sides) else ""


def _extra(side: Side) -> Iterator[str]:
    if side.labels:
        shown = [f"{name}: {count:,}" for name, count in side.labels.items()]
        more = [f"and {len(shown) - _MOST_LABELS} more"] if len(shown) > _MOST_LABELS else []
        yield ", ".join([*shown[:_MOST_LABELS], *more])
    elif side.rewards:
        least, mean, most = side.rewards
        yield f"{least:.4g} to {most:.4g}, mean {mean:.4g}"


def _remarks(inspection: Inspection) -> Iterator[RenderableType]:
    summary = inspection.summary
    counts = {"duplicates": summary.duplicates, "cut to max_length": summary.truncated}
    said = [f"{count:,} {name}" for name, count in counts.items() if count]
    remarks = [*([", ".join(said)] if said else []), *summary.packing, *summary.notes]
    remarks += inspection.remarks
    if remarks:
        yield Text("\n".join(remarks))
        yield Text()


def _lengths(inspection: Inspection) -> Table:
    most = max(bar.sequences for bar in inspection.lengths)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="dim")
    table.add_column(justify="right")
    table.add_column(width=60)
    for bar in inspection.lengths:
        line = Bar(most, 0, bar.sequences, width=60, color="cyan")
        table.add_row(f"{bar.low:,}-{bar.high:,}", f"{bar.sequences:,}", line)
    return table


def _samples(inspection: Inspection, is_terminal: bool) -> Iterator[RenderableType]:
    highlighted = "trained: green" if is_terminal else "trained: [[ ]]"
    for number, each in enumerate(inspection.samples, start=1):
        label = f", {_kind(inspection.objective)} {each.label}" if each.label else ""
        hint = f", {highlighted}" if _is_trained(each) else ""
        yield Text()
        yield Rule(Text(f"sample {number}{label}{hint}"), align="left", style="dim")
        for name, text in each.texts.items():
            if name != "text":
                yield Text(name, style="bold")
            indent = 0 if name == "text" else 2
            yield Padding(_shown(text, is_terminal), (0, 0, 0, indent))


def _kind(objective: str) -> str:
    return {"classification": "label", "reward": "reward", "kto": "judged"}[objective]


def _is_trained(each: Sample) -> bool:
    return any(stretch.trained for text in each.texts.values() for stretch in text)


def _shown(text: Stretches, is_terminal: bool) -> Text:
    """Stretches in order; long ones without their middle."""
    shown = Text()
    for stretch in text:
        words = escaped(_short(stretch.text))
        if stretch.trained and not is_terminal:
            words = f"[[{words}]]"
        shown.append(words, style=TRAINED if stretch.trained else "")
    return shown


def _short(text: str) -> str:
    left_out = len(text) - _HEAD - _TAIL
    if left_out < 40:
        return text
    return f"{text[:_HEAD]} … {left_out:,} characters … {text[-_TAIL:]}"


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        justify: JustifyMethod = "right" if title in _NUMBERS else "left"
        wrapped = title in _WRAPPED
        table.add_column(title, justify=justify, no_wrap=not wrapped, overflow="fold")
    return table
