"""The table of docs/benchmarks.md, from all slices of a file."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Slice = Mapping[str, Any]

HEADER = (
    *("model: lanes x rows x tokens", "one lane, ms", "lanes", "`auto`", "finds"),
    *("Trainer", "compiled", "evaluated together", "rounds"),
)


def slices(file: Path) -> list[Slice]:
    """Those measured so far."""
    found: list[Slice] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return found


def add(file: Path, made: Slice) -> None:
    """Append a slice, in one move: an interrupted one leaves the others."""
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps([*slices(file), made], indent=1), encoding="utf-8")
    os.replace(draft, file)  # noqa: PTH105


def table(found: Sequence[Slice]) -> str:
    """Markdown: a row for each shape, in the order in which they were first measured.

    Ratios are tokens per second against one lane, each the median of the rounds' own ratios.
    """
    shapes = dict.fromkeys(each["shape"] for each in found)
    rows = [_row(shape, [each for each in found if each["shape"] == shape]) for shape in shapes]
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEADER, ["---"] * len(HEADER), *rows))


def _row(shape: str, found: Sequence[Slice]) -> list[str]:
    alone = [value for each in found for value in each["step"]["one lane"]]
    ways = ("lanes", "auto", "trainer", "compiled")
    lanes, auto, trainer, compiled = (_ratio(found, "step", "one lane", way) for way in ways)
    together = _ratio(found, "evaluation", "apart", "together")
    finds = [[each["auto"][sampler] for each in found] for sampler in ("random", "tpe")]
    numbers = ", ".join("/".join(map(str, sorted(set(each)))) for each in finds)
    middle = f"{statistics.median(alone):.3g}"
    return [shape, middle, lanes, auto, numbers, trainer, compiled, together, str(len(alone))]


def _ratio(found: Sequence[Slice], part: str, above: str, below: str) -> str:
    """The median over rounds; of a way that was left out in some, over the others."""
    ratios = [
        a / b for each in found for a, b in zip(each[part][above], each[part][below], strict=False)
    ]
    return f"{statistics.median(ratios):.2f}" if ratios else ""
