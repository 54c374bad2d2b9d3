"""`sweep report`."""

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
    typer.Option("--out", "-o", help="File to write (default: report.html in the sweep's folder)."),
]


def report(name: NameArgument, out: OutOption = None, home: HomeOption = None) -> None:
    """Write a sweep's report: one HTML file with verdict, charts, cost and all trials."""
    with mistakes_shown():
        from sweeps.advice.linter import advise
        from sweeps.page.page import write
        from sweeps.report.suggestions import next_command, suggestions
        from sweeps.verdict.results import Results

        folder = SweepHome.find(home).existing(name)
        path = write(folder, out)
        advice = advise(Results.read(folder))
    console = make_console()
    console.print(f"Report: {path}", soft_wrap=True)
    console.print(suggestions(advice, next_command(folder)))
