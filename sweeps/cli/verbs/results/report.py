"""`sweep report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.base.errors import SweepError
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption, NameArgument, SendOption
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.remote.client import elsewhere

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="File to write (default: report.html in the sweep's folder; from afar NAME.html).",
    ),
]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Serve the report on loopback, always up to date.")
]
PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port for --follow; 0: any free one.")
]


def report(
    name: NameArgument,
    out: OutOption = None,
    follow: FollowOption = False,
    port: PortOption = 5001,
    send_it: SendOption = False,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Write a sweep's report: one HTML file with verdict, charts, cost and all trials."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            if follow:
                raise SweepError("--follow: only on the machine that has the sweep")
            raise typer.Exit(there.bring(["report", name], out))
        folder = SweepHome.find(home).existing(name)
        if follow:
            _follow(folder, out, port)
            return
        from sweeps.advice.linter import advise
        from sweeps.page.page import write
        from sweeps.remote.parcel import send
        from sweeps.report.suggestions import next_command, suggestions
        from sweeps.verdict.results import Results

        path = write(folder, out)
        if send_it:
            send(path, f"{name}.html")
        advice = advise(Results.read(folder))
    console = make_console()
    if not send_it:
        console.print(f"Report: {path}", soft_wrap=True)
    console.print(suggestions(advice, next_command(folder)))


def _follow(folder: SweepFolder, out: Path | None, port: int) -> None:
    if out is not None:
        raise SweepError("--follow serves the report and writes no file; leave out --out")
    from sweeps.page.live import serve

    say = make_console().print
    serve(folder, port, lambda url: say(f"Report: {url}   (Ctrl-C stops it)", soft_wrap=True))
