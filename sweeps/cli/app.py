"""The verbs of `sweep`, in the order in which `sweep --help` shows them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from sweeps.cli.verbs.ask import ask
from sweeps.cli.verbs.clean import clean
from sweeps.cli.verbs.compare import compare
from sweeps.cli.verbs.confirm import confirm
from sweeps.cli.verbs.doctor import doctor
from sweeps.cli.verbs.export import export
from sweeps.cli.verbs.inspect import inspect
from sweeps.cli.verbs.launch import launch
from sweeps.cli.verbs.list import list_sweeps
from sweeps.cli.verbs.next import next_sweep
from sweeps.cli.verbs.plan import plan
from sweeps.cli.verbs.register import register
from sweeps.cli.verbs.report import report
from sweeps.cli.verbs.resume import resume
from sweeps.cli.verbs.samples import samples
from sweeps.cli.verbs.status import status
from sweeps.cli.verbs.stop import stop
from sweeps.cli.verbs.trial import trial
from sweeps.cli.verbs.ui import ui
from sweeps.cli.verbs.winners import winners
from sweeps.display.terminal import write_what_can_be_written

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(launch)
app.command()(resume)
app.command()(stop)
app.add_typer(trial, name="trial")
app.command()(inspect)
app.command()(plan)
app.command("list")(list_sweeps)
app.command()(status)
app.command()(winners)
app.command()(confirm)
app.command()(samples)
app.command()(ask)
app.command()(report)
app.command()(compare)
app.command()(ui)
app.command("next")(next_sweep)
app.command()(export)
app.command()(register)
app.command()(clean)
app.command()(doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"winnow {version('winnow-sweeps')}")
        raise typer.Exit


@app.callback()
def begin(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Find the best way to fine-tune a language model."""
    write_what_can_be_written()
