"""The front of a sweep with several metrics, in the terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.figures import places
from results.ranking.winners import Ranking
from results.records.record import SweepRecord
from sweeps.display.trial_table import TrialRow, TrialTable


def front_table(sweep: SweepRecord, ranking: Ranking, top: int | None) -> RenderableType:
    """The trials on the front (`top` of them) with all metrics, and the base model below them."""
    shown = ranking.winners[:top]
    digits = _digits([*(winner.best.metrics for winner in shown), sweep.base], ranking)
    rows = [
        TrialRow(
            (str(winner.record.number), *_cells(winner.best.metrics, digits)),
            winner.record.params,
            style="bold green",
        )
        for winner in shown
    ]
    if sweep.base:
        cells = ("base", *_cells(sweep.base, digits))
        rows.append(TrialRow(cells, words="the untouched model", style="dim"))
    titles = dict.fromkeys(("trial", *ranking.goals), 0)
    table = TrialTable(titles, rows, full=f"trial {rows[0].cells[0]} in full")
    head = (
        f"\n{sweep.name}: the front of {ranking.trials} trials{sweep.so_far} by {_listed(ranking)}"
    )
    hidden = len(ranking.winners[top:]) if top else 0
    more = [Text(f"and {hidden} more on the front", "dim")] if hidden else []
    return Group(Text(head, "bold"), table, *more)


def _digits(shown: Sequence[Mapping[str, float]], ranking: Ranking) -> dict[str, int]:
    """The decimal places of each metric's column."""
    columns = {name: [each[name] for each in shown if name in each] for name in ranking.goals}
    return {name: places(column) for name, column in columns.items()}


def _cells(metrics: Mapping[str, float], digits: Mapping[str, int]) -> list[str]:
    return [f"{metrics[n]:.{count}f}" if n in metrics else "" for n, count in digits.items()]


def _listed(ranking: Ranking) -> str:
    return ", ".join(f"{name} ({mode})" for name, mode in ranking.goals.items())
