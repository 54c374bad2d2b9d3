"""What a finished sweep prints, and its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from sweeps.home.home import SweepHome
from sweeps.remote.client import INTERRUPTED

if TYPE_CHECKING:
    from sweeps.run.launch import Finished

FAILED = 1
"""Exit code of a sweep that failed or has no winner, and of a dry run whose slots do not fit."""


def show_finished(console: Console, finished: Finished) -> int:
    """Print a sweep's result; returns the exit code."""
    from results.records.record import SweepState
    from sweeps.report.finale import show_result

    show_result(console, finished.sweep, finished.ranking, finished.folder)
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
