"""The verb `sweep register`. Heavy modules are imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import DtypeOption, HomeOption, MergeOption, NameArgument, TrialOption
from sweeps.cli.verbs.models.export import show_notes
from sweeps.display.terminal import make_console, waiting
from sweeps.home.home import SweepHome


def register(
    name: NameArgument,
    target: Annotated[str, typer.Option("--as", metavar="MODEL[@ALIAS]", help="Name to register.")],
    trial: TrialOption = None,
    merge: MergeOption = False,
    dtype: DtypeOption = None,
    home: HomeOption = None,
) -> None:
    """Register a trial's model with MLflow, as a pyfunc that answers prompts."""
    with mistakes_shown():
        from sweeps.export.register import register as run

        with waiting() as progress:
            made = run(
                name,
                SweepHome.find(home),
                target,
                trial,
                merge,
                dtype.value if dtype else None,
                progress,
            )
    say = make_console().print
    say(f"{made.done.model.title}: version {made.version} of {made.target.name}", soft_wrap=True)
    say(f'mlflow.pyfunc.load_model("{made.target.uri}")', soft_wrap=True)
    show_notes(made.done)
