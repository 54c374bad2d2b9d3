"""What a finished or interrupted sweep prints, and its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from sweeps.cli.mistakes import show_obstacle
from sweeps.display.terminal import make_console, waiting
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.remote.client import INTERRUPTED

if TYPE_CHECKING:
    from sweeps.run.launch import Finished

FAILED = 1
"""Exit code of a sweep that failed or has no winner, and of a dry run whose slots do not fit."""


def show_finished(console: Console, finished: Finished) -> int:
    """Print a sweep's result, and register the winner if asked for; returns the exit code."""
    code = _show(console, finished)
    _register(console, finished)
    return code


def _register(console: Console, finished: Finished) -> None:
    from sweeps.export.champion import offer

    with waiting() as progress:
        said = offer(finished.folder, SweepHome(finished.folder.path.parents[1]), progress)
    if said:
        console.print(f"\n{said}", soft_wrap=True)


def _show(console: Console, finished: Finished) -> int:
    from results.records.record import SweepState
    from sweeps.report.finale import show_result
    from sweeps.verdict.results import Results

    folder = finished.folder
    show_result(console, Results(folder, finished.sweep, folder.trials()))
    for failure in finished.tracking_failures[:1]:
        count = finished.untracked
        entries = "1 entry" if count == 1 else f"{count} entries"
        console.print(f"MLflow missed {entries} ({failure}); the sweep folder has them all.")
        option = SweepHome(finished.folder.path.parents[1]).way()
        command = f"sweep resume {finished.sweep.name}{option}"
        console.print(f"To add them to MLflow: {command}")
    if finished.sweep.state is SweepState.INTERRUPTED:
        return INTERRUPTED
    won = finished.ranking.winners and finished.sweep.state is not SweepState.FAILED
    return 0 if won else FAILED


@contextmanager
def end_shown(home: SweepHome, name: str) -> Iterator[None]:
    """Turn Ctrl-C, and the error of a file, into one line about what is left of the sweep."""
    try:
        yield
    except KeyboardInterrupt:
        make_console(stderr=True).print(f"Interrupted; {_left_of(home, name)}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        folder = home.sweep(name)
        if not folder.store.trials():  # it has not begun: see mistakes.py
            raise
        show_obstacle(error, _resume(folder))


def _left_of(home: SweepHome, name: str) -> str:
    from results.records.record import SweepState

    folder = home.sweep(name)
    if not folder.store.trials():
        return "there are no results to keep."
    state = folder.sweep_record().state
    if state in (SweepState.COMPLETE, SweepState.FAILED):
        return f"the sweep is {state.value}: sweep winners {name}{home.way()}"
    return f"all results so far are saved. To resume: {_resume(folder)}"


def _resume(folder: SweepFolder) -> str:
    from sweeps.report.going_on import resume_command

    return resume_command(folder.sweep_record(), folder)
