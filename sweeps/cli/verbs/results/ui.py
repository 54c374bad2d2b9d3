"""The verb `sweep ui`. Heavy modules are imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import HomeOption
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepHome


def ui(
    name: Annotated[str | None, typer.Argument(help="A sweep; its trials are shown.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
    home: HomeOption = None,
) -> None:
    """Serve the MLflow UI of this sweep home on loopback, with a sweep's trials or the latest."""
    from sweeps.report.ui import serve, show_sweep, tracked_elsewhere

    with mistakes_shown():
        where = SweepHome.find(home)
        if name is not None:
            raise typer.Exit(show_sweep(where, name, port))
        for note in tracked_elsewhere(where) if (where.path / "mlflow.db").exists() else ():
            make_console(stderr=True).print(f"Note: {note}", soft_wrap=True)
        raise typer.Exit(serve(where, port))
