"""The verb `sweep export`. Heavy modules are imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.base.errors import SweepError
from sweeps.cli.mistakes import mistakes_shown
from sweeps.cli.options import (
    ClusterOption,
    DtypeOption,
    HomeOption,
    JobsOption,
    MergeOption,
    NameArgument,
    TrialOption,
)
from sweeps.display.terminal import make_console, waiting
from sweeps.home.home import SweepHome
from sweeps.remote.client import elsewhere

if TYPE_CHECKING:
    from sweeps.export.export import Done


def export(
    name: NameArgument,
    to: Annotated[Path, typer.Option(help="New folder for the model.")],
    trial: TrialOption = None,
    merge: MergeOption = False,
    dtype: DtypeOption = None,
    gguf: Annotated[
        bool, typer.Option("--gguf", help="Add a whole model as one GGUF file, for llama.cpp.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not load and measure the export.")
    ] = False,
    push: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Upload it to the Hugging Face hub.")
    ] = None,
    cluster: ClusterOption = None,
    address: JobsOption = None,
    home: HomeOption = None,
) -> None:
    """Write a trial's model to a folder, and check it: loaded afresh, it must measure the same."""
    with mistakes_shown():
        if there := elsewhere(cluster, address, home):
            if not to.is_absolute():
                raise SweepError(f"--to: {to} would be lost on the cluster; give an absolute path")
            words = ["export", name, "--to", str(to), *(["--merge"] if merge else [])]
            words += ["--trial", str(trial)] if trial is not None else []
            words += ["--dtype", dtype.value] if dtype else []
            words += [*(["--gguf"] if gguf else []), *(["--unchecked"] if unchecked else [])]
            raise typer.Exit(there.run([*words, *(["--push", push] if push else [])]))
        from sweeps.export.export import export as run
        from sweeps.export.push import push as upload
        from sweeps.export.push import refuse_push
        from sweeps.export.wish import Wish

        if push is not None:
            refuse_push(push)
        wish = Wish(
            to, trial, merge, dtype.value if dtype else None, unchecked, push is not None, gguf
        )
        with waiting() as progress:
            done = run(name, SweepHome.find(home), wish, progress)
            address = upload(done, push, progress) if push is not None else None
    _show(done)
    if address is not None:
        make_console().print(f"Uploaded: {address}", soft_wrap=True)


def _show(done: Done) -> None:
    model, say = done.model, make_console().print
    form = "whole model" if model.whole else "adapter"
    say(f"{model.title}: {form} in {done.folder}", soft_wrap=True)
    if model.cost is not None:
        say(
            f"Loaded in a fresh process and measured again: eval_loss "
            f"{model.again['eval_loss']:.6f}, in the sweep "
            f"{model.measured.metrics['eval_loss']:.6f} ({model.cost:+.1e}).",
            soft_wrap=True,
        )
    show_notes(done)


def show_notes(done: Done) -> None:
    """Print the notes on an export."""
    for note in done.notes:
        make_console().print(f"Note: {note}", style="yellow", soft_wrap=True)
