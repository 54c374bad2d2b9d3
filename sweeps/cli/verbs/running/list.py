"""The verb `sweep list`. Heavy modules are imported when it runs."""

from __future__ import annotations

import typer

from results.records.record_error import RecordError
from sweeps.cli.mistakes import mistakes_shown, show_mistake
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def list_sweeps(
    cluster: ClusterOption = None, address: JobsOption = None, home: HomeOption = None
) -> None:
    """List all sweeps in the sweep home."""
    if there := elsewhere(cluster, address, home):
        with mistakes_shown():
            raise typer.Exit(there.run(["list"]))
    from sweeps.display.trial_table import plain_table
    from sweeps.report.status import list_row

    table = plain_table("sweep", "state", "trials", "best")
    unreadable = []
    with mistakes_shown():
        where = SweepHome.find(home)
        for folder in where.sweeps():
            try:
                table.add_row(*list_row(folder))
            except RecordError as error:
                unreadable.append(f"sweep {folder.path.name}: {error}")
    if table.rows or not unreadable:
        make_console().print(table if table.rows else where.emptiness())
    if unreadable:
        show_mistake("\n".join(unreadable))
