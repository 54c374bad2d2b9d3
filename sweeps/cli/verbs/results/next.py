"""`sweep next`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption, NameArgument, SendOption
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere

OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="File to write (default: the next sweep's name, .yaml)."),
]


def next_sweep(
    name: NameArgument,
    out: OutOption = None,
    send_it: SendOption = False,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Write the next sweep's file: the advised changes, started from this sweep's trials."""
    with mistakes_shown(), TemporaryDirectory() as scratch:
        if there := elsewhere(cluster, address, home):
            raise typer.Exit(there.bring(["next", name], out, replaces=False))
        from sweeps.advice.linter import advise
        from sweeps.advice.next_file import next_tree, write_next
        from sweeps.remote.parcel import send
        from sweeps.report.suggestions import suggestions
        from sweeps.verdict.results import Results

        where = SweepHome.find(home)
        way = where.way()
        results = Results.read(where.existing(name))
        advice = advise(results)
        tree, taken = next_tree(results, advice)
        path = out or Path(scratch if send_it else "", f"{tree['name']}.yaml")
        write_next(tree, taken, path)
        if send_it:
            send(path, path.name)
    console = make_console()
    console.print(suggestions(advice))
    left = [each.title for each in advice if each not in taken]
    if left:
        console.print(f"Left to you: {'; '.join(left)}.", soft_wrap=True)
    changes = f"{len(taken)} change{'s' if len(taken) != 1 else ''}"
    shown = path.name if send_it else path
    console.print(f"\n{shown}: {changes}, started from the trials of {name}.", soft_wrap=True)
    console.print(f"Next: sweep launch {shown}{way}", soft_wrap=True)
