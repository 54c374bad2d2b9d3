"""The verb `sweep clean`. Heavy modules are imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sweeps.base.errors import SweepError
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import HomeOption
from sweeps.display.terminal import make_console
from sweeps.home.home import SweepFolder, SweepHome

if TYPE_CHECKING:
    from sweeps.cleaning.surplus import Surplus


def clean(
    name: Annotated[str | None, typer.Argument(help="The sweep's name.")] = None,
    keep_best: Annotated[
        int, typer.Option(min=0, help="Number of best trials whose weights stay.")
    ] = 1,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Clean all sweeps that ended before: 30d.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Delete surplus weights and checkpoints of ended sweeps; records and results stay."""
    console = make_console()
    with mistakes_shown():
        from sweeps.base.quiet import quiet
        from sweeps.cleaning.clean import delete, held_surplus

        where = SweepHome.find(home)
        folders = _folders(where, name, older_than)
        with quiet(), held_surplus(where, folders, keep_best) as items:
            _show(console, items)
            if not any(each.kept is None for each in items):
                console.print("Nothing to delete.")
            elif _agreed(yes):
                console.print(f"Deleted {_size(delete(items))}.")
            else:
                console.print("Nothing was deleted.")


def _folders(home: SweepHome, name: str | None, age: str | None) -> list[SweepFolder]:
    if (name is None) == (age is None):
        raise SweepError("name a sweep, or use --older-than AGE for all sweeps that ended before")
    if name is not None:
        return [home.existing(name)]
    from sweeps.cleaning.age import seconds_of
    from sweeps.cleaning.clean import older_than

    return older_than(home, seconds_of(age or ""))


def _show(console: Console, items: Sequence[Surplus]) -> None:
    from sweeps.display.trial_table import plain_table

    if not items:
        return
    table = plain_table("sweep", "what", "size", "")
    for each in items:
        table.add_row(
            each.sweep, each.what, _size(each.size), f"stays: {each.kept}" if each.kept else ""
        )
    console.print(table)
    total = sum(each.size for each in items if each.kept is None)
    console.print(f"To be deleted: {_size(total)}. Records, losses and MLflow's own copies stay.")


def _agreed(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise SweepError("without a terminal nothing can be asked; add --yes to delete")
    return typer.confirm("Delete?")


def _size(count: int) -> str:
    from rich.filesize import decimal

    return decimal(count)
