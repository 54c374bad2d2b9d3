"""The verbs `sweep trial add`, `clone` and `stop`. Heavy modules are imported when they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import ClusterOption, HomeOption, JobsOption, NameArgument
from sweeps.cli.verb_group import VerbGroup
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.remote.client import Elsewhere, elsewhere

if TYPE_CHECKING:
    from results.records.request import TrialRequest

NumberArgument = Annotated[int, typer.Argument(min=0, help="The trial's number.")]
ValuesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Values: learning_rate=1e-4")
]

trial = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    help="Add a trial to a sweep by hand, clone one with changes, or stop it.",
)


@trial.command()
def add(
    name: NameArgument,
    values: ValuesArgument = None,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Add a trial with these values; the sampler draws the others. It is the next to be trained."""
    given = values or []
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            _run_there(there, "add", name, *given)
        from sweeps.run.by_hand import add as ask

        _ask(name, home, lambda folder: ask(folder, given))


@trial.command()
def clone(
    name: NameArgument,
    number: NumberArgument,
    values: ValuesArgument = None,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Add a trial with another one's values, but for these; without any, it repeats the other one
    with another seed."""
    given = values or []
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            _run_there(there, "clone", name, str(number), *given)
        from sweeps.run.by_hand import clone as ask

        _ask(name, home, lambda folder: ask(folder, number, given))


@trial.command()
def stop(
    name: NameArgument,
    number: NumberArgument,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """End a trial early, for good; its slot takes the next one."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            _run_there(there, "stop", name, str(number))
        from sweeps.run.by_hand import stop as ask

        _ask(name, home, lambda folder: ask(folder, number))


def _run_there(there: Elsewhere, *words: str) -> None:
    raise typer.Exit(there.run(["trial", *words]))


def _ask(name: str, home: Path | None, ask: Callable[[SweepFolder], TrialRequest]) -> None:
    from sweeps.run.by_hand import described, waits_for_resume

    where = SweepHome.find(home)
    folder = where.existing(name)
    request = ask(folder)
    state = waits_for_resume(folder)
    if state is not None:
        does = "stops" if request.kind == "stop" else "trains"
        then = f"queued, as {name} is {state}; `sweep resume {name}{where.way()}` {does} it"
    elif request.kind == "stop":
        then = f"{name} stops it at its next step"
    else:
        then = f"{name} trains it in the next free slot, in addition to budget.trials"
    make_console().print(f"{_begun(described(request))}: {then}.", soft_wrap=True)


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
