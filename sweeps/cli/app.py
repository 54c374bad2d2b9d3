"""The verbs of `sweep`. Heavy modules are imported inside the verbs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from results.records.record_error import RecordError
from sweeps.base.errors import LaunchError
from sweeps.cli.clean_command import clean
from sweeps.cli.doctor_command import doctor
from sweeps.cli.export_command import export
from sweeps.cli.finished import FAILED, show_finished
from sweeps.cli.mistakes import mistakes_shown, show_mistake
from sweeps.cli.next_command import next_sweep
from sweeps.cli.options import (
    AddressOption,
    ClusterOption,
    HomeOption,
    JobsOption,
    JsonOption,
    NameArgument,
    OverridesOption,
    PricesOption,
    SkipOption,
    SpecArgument,
    StorageOption,
)
from sweeps.cli.register_command import register
from sweeps.cli.report_command import report
from sweeps.cli.samples_command import samples
from sweeps.display.terminal import (
    echo_json,
    make_console,
    make_view,
    waiting,
    write_what_can_be_written,
)
from sweeps.home.home import SweepHome, is_from_afar
from sweeps.remote.client import INTERRUPTED, elsewhere

if TYPE_CHECKING:
    from sweeps.spec.spec import SweepSpec

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(doctor)
app.command()(report)
app.command()(samples)
app.command("next")(next_sweep)
app.command()(export)
app.command()(register)
app.command()(clean)


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


@app.command()
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
        from sweeps.spec.notes import notes
        from sweeps.spec.spec import SweepSpec
        from sweeps.spec.tracking_place import left_behind

        there = None if dry_run else elsewhere(cluster, address, home)
        changes = _changes(overrides, skip_bad_rows)
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
            from sweeps.remote.shipment import settle
            from sweeps.run.launch import launch as run

            if is_from_afar():
                settle(where.sweep(checked.name))
            with _ctrl_c_shown(where, checked.name), make_view(console) as view:
                finished = run(checked, where, view, address)
            raise typer.Exit(show_finished(console, finished))


@app.command()
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
        from sweeps.run.launch import resume as run

        where, changes = SweepHome.find(home), overrides or []
        with _ctrl_c_shown(where, name), make_view(console) as view:
            finished = run(name, where, view, changes, spec, address, storage)
        raise typer.Exit(show_finished(console, finished))


@app.command()
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


@app.command()
def inspect(
    spec: SpecArgument,
    overrides: OverridesOption = None,
    skip_bad_rows: SkipOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a sweep's data: formats, counts, lengths, and samples as the model sees them."""
    with mistakes_shown():
        from sweeps.report.inspect_report import WIDTH
        from sweeps.report.inspect_report import report as described
        from sweeps.run.inspection import inspect as look
        from sweeps.spec.spec import SweepSpec

        changes = _changes(overrides, skip_bad_rows)
        with waiting() as progress:
            found = look(SweepSpec.load(spec, changes), SweepHome.find(home), progress)
    if as_json:
        echo_json(found.json())
        return
    console = make_console(pipe_width=WIDTH)
    console.print(described(found, console), width=WIDTH)


@app.command("list")
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


@app.command()
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
        seen = seen.priced(asked) if seen else None
    if as_json:
        echo_json(status_json(sweep, trials, seen))
        return
    from sweeps.report.status import show_status

    show_status(make_console(), sweep, trials, folder, seen)


@app.command()
def winners(
    name: NameArgument,
    top: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of trials shown (default: 5; all with --json or for a front)."
        ),
    ] = None,
    as_json: JsonOption = False,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Show the best trials, their lead, and why other trials are not ranked."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            words = ["winners", name, *(["--json"] if as_json else [])]
            words += ["--top", str(top)] if top else []
            raise typer.Exit(there.run(words))
        from results.ranking.front import judge
        from results.ranking.summary import winners_json

        folder = SweepHome.find(home).existing(name)
        sweep = folder.sweep_record()
        ranking = judge(folder.trials(), sweep.goals)
    if as_json:
        echo_json(winners_json(sweep, ranking, top))
        return
    from sweeps.report.finale import show_left_out, show_result

    console = make_console()
    show_result(console, sweep, ranking, folder, top, at_the_end=False)
    show_left_out(console, ranking)


@app.command()
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


def _changes(overrides: list[str] | None, skip_bad_rows: bool) -> list[str]:
    """Changes to the sweep file from the options."""
    return [*(overrides or ()), *(["data.bad_rows=skip"] if skip_bad_rows else [])]


def _on_a_cluster(cluster: Path | None, address: str | None) -> bool:
    return bool(cluster or address or os.environ.get("RAY_ADDRESS"))


@contextmanager
def _ctrl_c_shown(home: SweepHome, name: str) -> Iterator[None]:
    """Turn Ctrl-C into one line about what is left of the sweep."""
    try:
        yield
    except KeyboardInterrupt:
        make_console(stderr=True).print(f"Interrupted; {_left_of(home, name)}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None


def _left_of(home: SweepHome, name: str) -> str:
    from results.records.record import SweepState

    folder = home.sweep(name)
    if not folder.store.trials():
        return "there are no results to keep."
    state = folder.sweep_record().state
    if state in (SweepState.COMPLETE, SweepState.FAILED):
        return f"the sweep is {state.value}: sweep winners {name}{home.way()}"
    return f"all results so far are saved. To resume: sweep resume {name}{home.way()}"


def _dry_run(console: Console, spec: SweepSpec, home: SweepHome, here: bool) -> None:
    """`here`: whether the sweep would run on this machine, whose slots must then fit."""
    from sweeps.report.dry_run_report import report as described
    from sweeps.run.dry_run import dry_run as measure

    with waiting() as progress:
        run = measure(spec, home, progress)
    console.print(described(spec, run))
    if here and not run.slots_fit:
        raise typer.Exit(FAILED)
