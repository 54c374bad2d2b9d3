"""The report: machine and rows as JSON and as Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gpu.finding import Figure
from benchmarks.gpu.row import Row

NAME = "gpu-check"


def write(folder: Path, machine: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write both files, each atomically."""
    tree = {"machine": dict(machine), "checks": [asdict(row) for row in rows]}
    _replace(folder / f"{NAME}.json", json.dumps(tree, indent=1) + "\n")
    _replace(folder / f"{NAME}.md", markdown(machine, rows))


def markdown(machine: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """The machine, then a table for each kind of check."""
    lines = ["# What was measured on one GPU", ""]
    lines += [
        f"- {name}: {value}" for name, value in machine.items() if not isinstance(value, list)
    ]
    notes = machine.get("notes") or []
    lines += [f"- **{note}**" for note in notes]
    for kind in dict.fromkeys(row.kind for row in rows):
        lines += ["", f"## {kind}", "", *table([row for row in rows if row.kind == kind])]
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Row]) -> list[str]:
    """Rows of one kind, with a column for each figure of any row; lists are only in the JSON."""
    names = dict.fromkeys(
        name for row in rows for name, value in row.figures.items() if not isinstance(value, list)
    )
    head = ["check", "result", "s", *names]
    body = [
        [row.check, row.result, f"{row.seconds:g}", *(shown(row.figures.get(n)) for n in names)]
        for row in rows
    ]
    return [_line(each) for each in (head, ["---"] * len(head), *body)]


def shown(value: Figure) -> str:
    """A readable figure; empty if there is none."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _line(cells: Sequence[str]) -> str:
    safe = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(safe)} |"


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(".partial")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
