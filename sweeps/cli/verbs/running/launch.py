"""The verb `sweep launch`. Heavy modules are imported when it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sweeps.cli.finished import FAILED, end_shown, show_finished
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    AddressOption,
    ClusterOption,
    HomeOption,
    OverridesOption,
    SkipOption,
    SpecArgument,
    overridden,
)
from sweeps.display.terminal import loading, make_console, make_view, waiting
from sweeps.home.home import SweepHome, is_from_afar
from sweeps.remote.client import elsewhere

if TYPE_CHECKING:
    from sweeps.spec.spec import SweepSpec


def launch(
    spec: SpecArgument,
    overrides: OverridesOption = None,
    name: Annotated[str | None, typer.Option(help="Sweep name (default: as in the file).")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check everything, train a few steps, estimate the cost."),
    ] = False,
    skip_bad_rows: SkipOption = False,
    cluster: ClusterOption = None,
    address: AddressOption = None,
    home: HomeOption = None,
) -> None:
    """Run a sweep to its end."""
    console = make_console()
    with mistakes_shown():
        with loading():
            from sweeps.spec.notes import notes
            from sweeps.spec.spec import SweepSpec
            from sweeps.spec.tracking_place import left_behind

        there = None if dry_run else elsewhere(cluster, address, home)
        changes = overridden(overrides, skip_bad_rows)
        checked = SweepSpec.load(spec, changes, name, elsewhere=there is not None)
        # The remote command shows the others.
        for note in left_behind(checked.tracking) if there else notes(checked):
            console.print(f"Note: {note}", style="yellow")
        where = SweepHome.find(home)
        if there:
            raise typer.Exit(there.launch(checked, console))
        if dry_run:
            _dry_run(console, checked, where, here=not _on_a_cluster(cluster, address))
        else:
            with loading():
                from sweeps.remote.shipment import settle
                from sweeps.run.launch import launch as run

            if is_from_afar():
                settle(where.sweep(checked.name))
            with end_shown(where, checked.name), make_view(console) as view:
                finished = run(checked, where, view, address)
            raise typer.Exit(show_finished(console, finished))


def _on_a_cluster(cluster: Path | None, address: str | None) -> bool:
    return bool(cluster or address or os.environ.get("RAY_ADDRESS"))


def _dry_run(console: Console, spec: SweepSpec, home: SweepHome, here: bool) -> None:
    """`here`: whether the sweep would run on this machine, whose slots must then fit."""
    with loading():
        from sweeps.report.dry_run_report import report as described
        from sweeps.run.dry_run.dry_run import dry_run as measure

    with waiting() as progress:
        run = measure(spec, home, progress)
    console.print(described(spec, run))
    if here and not run.slots_fit:
        raise typer.Exit(FAILED)
