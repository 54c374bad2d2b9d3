"""The confirmed trials in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.confirmation import Confirmation, Confirmed
from results.ranking.confirmed_front import ConfirmedFront, ConfirmedPoint
from results.ranking.winners import Ranking
from results.records.record import SweepRecord
from sweeps.display.trial_table import TrialRow, TrialTable
from sweeps.home.home import SweepFolder
from sweeps.verdict.confirmed import confirmation


def confirmed_table(sweep: SweepRecord, ranking: Ranking, folder: SweepFolder) -> RenderableType:
    """The confirmed trials by their means over fresh seeds; nothing without any."""
    found = confirmation(sweep, ranking, folder)
    if found is None:
        return Group()
    front = isinstance(found, ConfirmedFront)
    rows = front_rows(found) if isinstance(found, ConfirmedFront) else rows_of(found)
    names = list(sweep.goals) if front else ["mean"]
    titles = ["trial", "seeds", *names, *([] if front else ["between seeds"])]
    titles += ["on the front"] if front else ["first run", "chance"]
    heading = Text(f"\n{sweep.name}: confirmed with fresh seeds{sweep.so_far}", "bold")
    full = f"trial {found.winner.number} in full"
    return Group(heading, TrialTable(dict.fromkeys(titles, 0), rows, full=full))


def rows_of(found: Confirmation) -> list[TrialRow]:
    """Seeds, mean, standard deviation between seeds, first value, chance of being the best."""
    return [
        TrialRow(cells_of(each), each.record.params, style="bold green" if each.tied else "")
        for each in found.trials
    ]


def cells_of(trial: Confirmed) -> tuple[str, ...]:
    """The cells of a confirmed trial."""
    deviation = "" if trial.deviation is None else f"{trial.deviation:.4f}"
    chance = "" if trial.chance is None else f"{trial.chance:.0%}"
    seeds = str(len(trial.repeats))
    return str(trial.number), seeds, f"{trial.mean:.4f}", deviation, f"{trial.first:.4f}", chance


def front_rows(found: ConfirmedFront) -> list[TrialRow]:
    """Seeds, means, and the probability of being on the front."""
    return [
        TrialRow(front_cells(each), each.record.params, style="bold green" * each.on_front)
        for each in found.trials
    ]


def front_cells(trial: ConfirmedPoint) -> tuple[str, ...]:
    """The cells of a confirmed trial of a front."""
    means = (f"{mean:.4f}" for mean in trial.means.values())
    chance = "" if trial.chance is None else f"{trial.chance:.0%}"
    return str(trial.number), str(len(trial.repeats)), *means, chance
