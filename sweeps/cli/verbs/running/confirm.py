"""The verb `sweep confirm`. Heavy modules are imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.cli.finished import end_shown, show_finished
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import AddressOption, ClusterOption, HomeOption, NameArgument
from sweeps.display.terminal import loading, make_console, make_view
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def confirm(
    name: NameArgument,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Number of best trials that are trained again (default: as in the file, else 3).",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=100,
            help="Number of fresh seeds for each; more add (default: as in the file, else 4).",
        ),
    ] = None,
    cluster: ClusterOption = None,
    address: AddressOption = None,
    home: HomeOption = None,
) -> None:
    """Train a sweep's best trials again with fresh seeds, and judge them by their means."""
    console = make_console()
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            words = ["confirm", name, *(["--top", str(top)] if top else [])]
            words += ["--seeds", str(seeds)] if seeds else []
            raise typer.Exit(there.follow(words, name, console))
        with loading():
            from sweeps.run.launch import confirm as run

        where = SweepHome.find(home)
        with end_shown(where, name), make_view(console) as view:
            finished = run(name, where, view, top, seeds, address)
        raise typer.Exit(show_finished(console, finished))
