"""The confirmed trials in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from sweeps.display.confirmed_cells import rows, titles
from sweeps.display.trial_table import TrialRow, TrialTable
from sweeps.verdict.results import Results


def confirmed_table(results: Results) -> RenderableType:
    """The confirmed trials by their means over fresh seeds; nothing without any."""
    sweep, found = results.sweep, results.confirmed
    if found is None:
        return Group()
    shown = [
        TrialRow(row.cells, row.params, style="bold green" if row.stands else "")
        for row in rows(found)
    ]
    heading = Text(f"\n{sweep.name}: confirmed with fresh seeds{sweep.so_far}", "bold")
    full = f"trial {found.winner.number} in full"
    return Group(heading, TrialTable(dict.fromkeys(titles(found), 0), shown, full=full))
