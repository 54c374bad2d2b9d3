"""The verb `sweep status`. Heavy modules are imported when it runs."""

from __future__ import annotations

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    ClusterOption,
    HomeOption,
    JobsOption,
    JsonOption,
    NameArgument,
    PricesOption,
)
from sweeps.display.terminal import echo_json, make_console
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere


def status(
    name: NameArgument,
    as_json: JsonOption = False,
    prices: PricesOption = None,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Show a sweep's progress, its slots and nodes, and their cost so far."""
    with mistakes_shown():
        from sweeps.remote.prices import as_options, given

        asked = given(prices or (), cluster)
        if there := elsewhere(cluster, address, home):
            words = ["status", name, *(["--json"] if as_json else []), *as_options(asked)]
            raise typer.Exit(there.run(words))
        from results.ranking.summary import status_json

        folder = SweepHome.find(home).existing(name)
        sweep, trials, seen = folder.sweep_record(), folder.trials(), folder.store.cluster()
        seen, repeats = seen.priced(asked) if seen else None, folder.repeats()
    if as_json:
        from dataclasses import asdict

        from sweeps.caps.rest_on_record import rest_on_record

        rest = rest_on_record(folder, sweep, trials, seen)
        more = {"rest": asdict(rest)} if rest else {}
        echo_json({**status_json(sweep, trials, seen, repeats), **more})
        return
    from sweeps.report.status import show_status

    show_status(make_console(), sweep, trials, folder, seen)
