"""The verb `sweep winners`. Heavy modules are imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    ClusterOption,
    HomeOption,
    JobsOption,
    JsonOption,
    NameArgument,
)
from sweeps.display.terminal import echo_json, make_console
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def winners(
    name: NameArgument,
    top: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of trials shown (default: 5; all with --json or for a front)."
        ),
    ] = None,
    as_json: JsonOption = False,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Show the best trials, their lead, and why other trials are not ranked."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            words = ["winners", name, *(["--json"] if as_json else [])]
            words += ["--top", str(top)] if top else []
            raise typer.Exit(there.run(words))
        from results.ranking.summary import winners_json
        from sweeps.verdict.results import Results

        results = Results.read(SweepHome.find(home).existing(name))
    if as_json:
        echo_json(winners_json(results.sweep, results.ranking, top, results.confirmed))
        return
    from sweeps.report.finale import show_left_out, show_result

    console = make_console()
    show_result(console, results, top, at_the_end=False)
    show_left_out(console, results)
