"""The front of a sweep with several metrics, in the terminal. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.pareto import dominates
from results.ranking.winners import Ranking
from results.records.record import Measurement, SweepRecord
from sweeps.display.trial_table import TrialRow, TrialTable
from sweeps.report.overlaps import overlaps_searched_by
from sweeps.report.verdict import in_words


def front_table(sweep: SweepRecord, ranking: Ranking, top: int | None) -> RenderableType:
    """The trials on the front (`top` of them) with all metrics, and the base model below them."""
    rows = [
        TrialRow(
            (str(winner.record.number), *_cells(winner.best.metrics, ranking)),
            winner.record.params,
            style="bold green",
        )
        for winner in ranking.winners[:top]
    ]
    if sweep.base:
        cells = ("base", *_cells(sweep.base, ranking))
        rows.append(TrialRow(cells, words="the untouched model", style="dim"))
    titles = dict.fromkeys(("trial", *ranking.goals), 0)
    table = TrialTable(titles, rows, full=f"trial {rows[0].cells[0]} in full")
    head = (
        f"\n{sweep.name}: the front of {_count(ranking)} trials{sweep.so_far} by {_listed(ranking)}"
    )
    hidden = len(ranking.winners[top:]) if top else 0
    more = [Text(f"and {hidden} more on the front", "dim")] if hidden else []
    return Group(Text(head, "bold"), table, *more)


def front_verdict(sweep: SweepRecord, ranking: Ranking) -> tuple[str, str]:
    """(the trials on the front, caveats)."""
    choice = "The choice among them is yours. " if len(ranking.winners) > 1 else ""
    caution = (
        f"{choice}Each trial was trained once, so small differences between trials may be noise."
    )
    trained_on = overlaps_searched_by(sweep)
    doubts = f"{_against_base(sweep, ranking)}{caution}"
    return _who(sweep, ranking), f"{trained_on} {doubts}" if trained_on else doubts


def _who(sweep: SweepRecord, ranking: Ranking) -> str:
    names, front = _names(ranking), ranking.winners
    if len(front) == 1:
        number = front[0].record.number
        return (
            f"Trial {number} is the whole front{sweep.so_far}: no other trial is better in any of "
            f"{names}."
        )
    return (
        f"{len(front)} of {_count(ranking)} trials are on the front{sweep.so_far}: none can be "
        f"improved in one of {names} without a loss in another."
    )


def _against_base(sweep: SweepRecord, ranking: Ranking) -> str:
    base = tuple(sweep.base.get(name, math.nan) for name in ranking.goals)
    if not all(map(math.isfinite, base)):
        return ""
    modes = tuple(ranking.goals.values())
    better = _whose(ranking, lambda point: dominates(point, base, modes))
    worse = _whose(ranking, lambda point: dominates(base, point, modes))
    if better:
        return f"Better than the untouched base model in all metrics: {better.lower()}. "
    if worse:
        return f"WORSE than the untouched base model in all metrics: {worse.lower()}. "
    return "Compared with the untouched base model, they gain in one metric and lose in another. "


def _whose(ranking: Ranking, test: Callable[[tuple[float, ...]], bool]) -> str:
    points = {w.record.number: _point(w.best, ranking) for w in ranking.winners}
    numbers = [number for number, point in points.items() if test(point)]
    return in_words(numbers) if numbers else ""


def _point(measurement: Measurement, ranking: Ranking) -> tuple[float, ...]:
    return tuple(measurement.metrics[name] for name in ranking.goals)


def _cells(metrics: dict[str, float], ranking: Ranking) -> list[str]:
    return [f"{metrics[name]:.4f}" if name in metrics else "" for name in ranking.goals]


def _listed(ranking: Ranking) -> str:
    return ", ".join(f"{name} ({mode})" for name, mode in ranking.goals.items())


def _count(ranking: Ranking) -> int:
    return len(ranking.winners) + len(ranking.left_out)


def _names(ranking: Ranking) -> str:
    *others, last = ranking.goals
    return f"{', '.join(others)} and {last}"
