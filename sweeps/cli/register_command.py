"""The verb `sweep register`. Heavy modules are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.cli.export_command import Dtype
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import HomeOption, NameArgument
from sweeps.display.terminal import make_console, waiting
from sweeps.home.home import SweepHome


def register(
    name: NameArgument,
    target: Annotated[str, typer.Option("--as", metavar="MODEL[@ALIAS]", help="Name to register.")],
    trial: Annotated[
        int | None, typer.Option(min=0, help="Trial to register (default: the winner).")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge the adapter into its base: a whole model.")
    ] = False,
    dtype: Annotated[
        Dtype | None, typer.Option(help="Precision of a whole model (default: as in the trial).")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Register a trial's model with MLflow, as a pyfunc that answers prompts."""
    with mistakes_shown():
        from sweeps.export.register import register as run
        from sweeps.export.wish import Wish

        wish = Wish(Path("unused"), trial, merge, dtype.value if dtype else None)
        with waiting() as progress:
            made = run(name, SweepHome.find(home), target, wish, progress)
    say = make_console().print
    say(f"{made.done.model.title}: version {made.version} of {made.target.name}", soft_wrap=True)
    say(f'mlflow.pyfunc.load_model("{made.target.uri}")', soft_wrap=True)
    for note in made.done.notes:
        say(f"Note: {note}", style="yellow", soft_wrap=True)
