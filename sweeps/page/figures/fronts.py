"""The Pareto front, for each further metric over the first one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from results.records.record import TrialRecord
from sweeps.page.figures.figure import Figure, Trace, axis
from sweeps.page.figures.palette import ACCENT, WINNER
from sweeps.verdict.results import Results


def fronts(results: Results) -> Iterator[Figure]:
    """Nothing for a sweep with one metric."""
    first, *others = results.sweep.goals
    for other in others:
        if figure := _front(results, first, other):
            yield figure


def _front(results: Results, first: str, other: str) -> Figure | None:
    complete = [r for r in results.trials if r.status.can_win and _has(r, (first, other))]
    if not complete:
        return None
    numbers = {winner.record.number for winner in results.ranking.winners}
    front = [record for record in complete if record.number in numbers]
    front.sort(key=lambda record: _value(record, first))
    rest = [record for record in complete if record.number not in numbers]
    on_it = _marks("on the front", front, first, other)
    on_it |= {
        "mode": "lines+markers",
        "line": {"color": WINNER, "width": 1.5, "dash": "dot"},
        "marker": {"color": WINNER, "size": 11, "symbol": "diamond"},
    }
    off = _marks("dominated", rest, first, other)
    off["marker"] = {"color": ACCENT, "size": 7, "symbol": "circle"}
    modes = results.sweep.goals
    return Figure(
        f"front-{other}",
        f"{other} and {first}",
        f"{len(front)} trials on the front and {len(rest)} others, by {first} and {other}.",
        f"Diamonds are on the front: {first} ({modes[first]}), {other} ({modes[other]}). Values "
        "of each trial's last evaluation.",
        [each for each in (off, on_it) if each["x"]],
        {"xaxis": axis(first), "yaxis": axis(other)},
    )


def _marks(name: str, records: Sequence[TrialRecord], first: str, other: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{name} ({len(records)})",
        "x": [_value(record, first) for record in records],
        "y": [_value(record, other) for record in records],
        "customdata": [record.number for record in records],
        "hovertemplate": "trial %{customdata}: %{x:.4g}, %{y:.4g}<extra></extra>",
    }


def _has(record: TrialRecord, names: Sequence[str]) -> bool:
    return all(math.isfinite(_value(record, name)) for name in names)


def _value(record: TrialRecord, name: str) -> float:
    last = record.last()
    return last.metrics.get(name, math.nan) if last else math.nan
