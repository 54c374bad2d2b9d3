"""The verb `sweep doctor`. Heavy modules are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import OverridesOption
from sweeps.display.terminal import echo_json, loading, make_console, waiting
from sweeps.home.home import SweepHome

_WRONG = 2
"""Exit code when a finding must be fixed."""


def doctor(
    spec: Annotated[Path | None, typer.Argument(help="Sweep file to check as well.")] = None,
    overrides: OverridesOption = None,
    cluster: Annotated[
        Path | None, typer.Option(help="Cluster file of Ray's launcher to check.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Running Ray cluster to check (default: $RAY_ADDRESS).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    home: Annotated[
        Path | None, typer.Option(help="Sweep home (default: $SWEEP_HOME, else ./.winnow).")
    ] = None,
) -> None:
    """Check machine, sweep file and cluster before a sweep costs anything."""
    with mistakes_shown(), loading():
        from sweeps.doctor.machine import examine
        from sweeps.doctor.report import count_wrong, report, report_json
    with mistakes_shown(), waiting() as progress:
        where = SweepHome.find(home)
        findings = examine(spec, cluster, address, where, overrides or (), progress)
    if as_json:
        echo_json(report_json(findings))
    else:
        console = make_console()
        console.print(report(findings), soft_wrap=not console.is_terminal)
    raise typer.Exit(_WRONG if count_wrong(findings) else 0)
