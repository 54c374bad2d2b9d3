"""The verb `sweep compare`. Heavy modules are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption, JsonOption, SendOption
from sweeps.display.terminal import echo_json, make_console
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def compare(
    names: Annotated[list[str], typer.Argument(help="Sweeps with the same data and metric.")],
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write one HTML file.")
    ] = None,
    send_it: SendOption = False,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Compare the best trials of several sweeps on the same data."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            words = ["compare", *names, *(["--json"] if as_json else [])]
            raise typer.Exit(there.bring(words, out) if out else there.run(words))
        from sweeps.page.comparison import write_comparison
        from sweeps.remote.parcel import send
        from sweeps.report.comparison import WIDTH, comparison_json, comparison_report
        from sweeps.verdict.comparison import compare as compared

        where = SweepHome.find(home)
        comparison = compared([where.existing(name) for name in names])
        path = write_comparison(comparison, out) if out else None
        if send_it:
            with TemporaryDirectory() as folder:
                send(write_comparison(comparison, Path(folder) / "page"), "comparison.html")
    if as_json:
        echo_json(comparison_json(comparison))
        return
    console = make_console(pipe_width=WIDTH)
    console.print(comparison_report(comparison), width=min(WIDTH, console.width))
    if path:
        console.print(f"\nReport: {path}", soft_wrap=True)
