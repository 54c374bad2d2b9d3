"""Each trial's learning curve, by outcome, with the rungs of early stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence

from results.records.record import TrialRecord
from sweeps.page.figures.figure import Figure, Json, Layout, Trace, axis, chained
from sweeps.page.figures.palette import LOOKS, WINNER, Look, look
from sweeps.page.figures.values import value_axis
from sweeps.verdict.results import Results
from sweeps.verdict.rungs import keeps_comparing, rungs


def curves(results: Results) -> Figure | None:
    """None if nothing was measured."""
    measured = [record for record in results.trials if _points(record, results.metric)]
    if not measured:
        return None
    rest = [record for record in measured if record.number not in results.chosen]
    data = [_trace(results, [r for r in rest if look(r.status) is each], each) for each in LOOKS]
    best = [record for record in measured if record.number in results.chosen]
    name = "on the front" if results.ranking.several else "winner"
    data.append(_trace(results, best, Look(name, WINNER, "circle"), 3.5))
    marks, first = rungs(results), results.metric
    return Figure(
        "curves",
        "Learning curves",
        f"{first} of {len(measured)} trials over the evaluation points of their budget.",
        _caption(marks, keeps_comparing(results)),
        [trace for trace in data if trace["x"]],
        {
            "xaxis": axis("evaluation point", dtick=1 if _most_points(measured) <= 12 else None),
            "yaxis": value_axis(results, _values(results, measured)),
            "shapes": [_line(rung) for rung in marks],
        },
    )


def _caption(marks: Sequence[int], later: bool) -> str:
    shown = "One line for each trial; click a name in the legend to hide its trials."
    if not marks:
        return shown
    listed = ", ".join(map(str, marks))
    words = f"{shown} Early stopping compares trials at the dotted verticals ({listed})"
    if not later:
        return f"{words}."
    return (
        f"{words}, and at each later evaluation a trial with those that have come to its last one: "
        "it may be stopped at any of them."
    )


def _trace(
    results: Results, records: Sequence[TrialRecord], its: Look, width: float = 1.3
) -> Trace:
    lines = [_points(record, results.metric) for record in records]
    numbers: list[list[Json]] = [
        [record.number] * len(line) for record, line in zip(records, lines, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{its.name} ({len(records)})",
        "x": chained([[x for x, _ in line] for line in lines]),
        "y": chained([[y for _, y in line] for line in lines]),
        "customdata": chained(numbers),
        "hovertemplate": "trial %{customdata}, point %{x}: %{y:.4f}<extra></extra>",
        "line": {"color": its.colour, "width": width, "dash": its.dash},
        "marker": {"color": its.colour, "symbol": its.symbol, "size": 5 + width},
        "opacity": 1.0 if width > 2 else 0.65,
    }


def _values(results: Results, records: Sequence[TrialRecord]) -> list[float]:
    return [value for record in records for _, value in _points(record, results.metric)]


def _points(record: TrialRecord, metric: str) -> list[tuple[int, float]]:
    values = [(each.point, each.compared.get(metric, math.nan)) for each in record.measurements]
    return [(point, value) for point, value in values if math.isfinite(value)]


def _most_points(records: Sequence[TrialRecord]) -> int:
    return max(record.measurements[-1].point for record in records)


def _line(rung: int) -> Layout:
    look_of_it: Layout = {"color": "#8a8f98", "width": 1, "dash": "dot"}
    ends: Layout = {"x0": rung, "x1": rung, "y0": 0, "y1": 1}
    return {"type": "line", "xref": "x", "yref": "paper", **ends, "line": look_of_it}
