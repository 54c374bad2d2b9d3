"""The verb `sweep resume`. Heavy modules are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.base.errors import LaunchError
from sweeps.cli.finished import end_shown, show_finished
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    AddressOption,
    ClusterOption,
    HomeOption,
    NameArgument,
    OverridesOption,
    StorageOption,
)
from sweeps.display.terminal import loading, make_console, make_view
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def resume(
    name: NameArgument,
    spec: Annotated[
        Path | None, typer.Option("--spec", help="Changed sweep file (default: as launched).")
    ] = None,
    overrides: OverridesOption = None,
    storage: StorageOption = None,
    cluster: ClusterOption = None,
    address: AddressOption = None,
    home: HomeOption = None,
) -> None:
    """Resume an interrupted or killed sweep, or add trials to it."""
    console = make_console()
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            if spec is not None:
                raise LaunchError("--spec: not available on a cluster; use --set KEY=VALUE")
            changes = [word for change in overrides or () for word in ("--set", change)]
            changes += ["--storage", storage] if storage else []
            raise typer.Exit(there.follow(["resume", name, *changes], name, console))
        with loading():
            from sweeps.run.launch import resume as run

        where, changes = SweepHome.find(home), overrides or []
        with end_shown(where, name), make_view(console) as view:
            finished = run(name, where, view, changes, spec, address, storage)
        raise typer.Exit(show_finished(console, finished))
