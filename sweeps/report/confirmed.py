"""The confirmed trials in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.winners import Ranking
from results.records.record import SweepRecord
from sweeps.display.confirmed_cells import rows, titles
from sweeps.display.trial_table import TrialRow, TrialTable
from sweeps.home.home import SweepFolder
from sweeps.verdict.confirmed import confirmation


def confirmed_table(sweep: SweepRecord, ranking: Ranking, folder: SweepFolder) -> RenderableType:
    """The confirmed trials by their means over fresh seeds; nothing without any."""
    found = confirmation(sweep, ranking, folder)
    if found is None:
        return Group()
    shown = [
        TrialRow(row.cells, row.params, style="bold green" if row.stands else "")
        for row in rows(found)
    ]
    heading = Text(f"\n{sweep.name}: confirmed with fresh seeds{sweep.so_far}", "bold")
    full = f"trial {found.winner.number} in full"
    return Group(heading, TrialTable(dict.fromkeys(titles(found), 0), shown, full=full))
