"""`sweep next`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import HomeOption, NameArgument
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepHome

OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="File to write (default: the next sweep's name, .yaml)."),
]


def next_sweep(name: NameArgument, out: OutOption = None, home: HomeOption = None) -> None:
    """Write the next sweep's file: the advised changes, started from this sweep's trials."""
    with mistakes_shown():
        from sweeps.advice.linter import advise
        from sweeps.advice.next_file import next_tree, write_next
        from sweeps.report.suggestions import suggestions
        from sweeps.verdict.results import Results

        results = Results.read(SweepHome.find(home).existing(name))
        advice = advise(results)
        tree, taken = next_tree(results, advice)
        path = out or Path(f"{tree['name']}.yaml")
        write_next(tree, taken, path)
    console = make_console()
    console.print(suggestions(advice))
    left = [each.title for each in advice if each not in taken]
    if left:
        console.print(f"Left to you: {'; '.join(left)}.", soft_wrap=True)
    changes = f"{len(taken)} change{'s' if len(taken) != 1 else ''}"
    console.print(f"\n{path}: {changes}, started from the trials of {name}.", soft_wrap=True)
    console.print(f"Next: sweep launch {path}", soft_wrap=True)
