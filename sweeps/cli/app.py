"""The verbs of `sweep`, in the order in which `sweep --help` shows them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from sweeps.cli.verb_group import VerbGroup
from sweeps.cli.verbs.checking.doctor import doctor
from sweeps.cli.verbs.checking.inspect import inspect
from sweeps.cli.verbs.checking.plan import plan
from sweeps.cli.verbs.models.clean import clean
from sweeps.cli.verbs.models.export import export
from sweeps.cli.verbs.models.register import register
from sweeps.cli.verbs.results.ask import ask
from sweeps.cli.verbs.results.compare import compare
from sweeps.cli.verbs.results.next import next_sweep
from sweeps.cli.verbs.results.report import report
from sweeps.cli.verbs.results.samples import samples
from sweeps.cli.verbs.results.ui import ui
from sweeps.cli.verbs.results.winners import winners
from sweeps.cli.verbs.running.confirm import confirm
from sweeps.cli.verbs.running.launch import launch
from sweeps.cli.verbs.running.list import list_sweeps
from sweeps.cli.verbs.running.resume import resume
from sweeps.cli.verbs.running.status import status
from sweeps.cli.verbs.running.stop import stop
from sweeps.cli.verbs.running.trial import trial
from sweeps.display.terminal import write_what_can_be_written

app = typer.Typer(
    cls=VerbGroup,
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
