"""The verb `sweep stop`. Heavy modules are imported when it runs."""

from __future__ import annotations

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption, NameArgument
from sweeps.display.terminal import make_console, waiting
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def stop(
    name: NameArgument,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Stop a running sweep, like Ctrl-C: trials are saved and the sweep can be resumed."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            raise typer.Exit(there.run(["stop", name]))
        from sweeps.home.stop import stop as end

        where = SweepHome.find(home)
        folder = where.existing(name)
        with waiting() as progress:
            end(folder, progress)
        if folder.books.exists():
            command = f"sweep resume {name}{where.way()}"
            said = f"{folder.sweep_record().state.value}; `{command}` resumes it"
        else:
            said = "ended before its first trial; its name is free"
    make_console().print(f"{name}: {said}")
