"""Rank and learning rate as a map of the value."""

from __future__ import annotations

from sweeps.page.figures.figure import Figure, Trace
from sweeps.page.figures.palette import SCALE
from sweeps.page.figures.scale import Scale
from sweeps.verdict.results import Results

RATE, RANK = "learning_rate", "lora.rank"


def rank_map(results: Results) -> Figure | None:
    """None unless trials with a value differ in both."""
    shown = [
        record
        for record in results.trials
        if {RATE, RANK} <= record.params.keys() and results.value(record) is not None
    ]
    if any(len({str(record.params[name]) for record in shown}) < 2 for name in (RATE, RANK)):
        return None
    rate, rank = Scale.of(results, RATE), Scale.of(results, RANK)
    marks: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": results.metric,
        "showlegend": False,
        "x": [rate.place(record.params[RATE]) for record in shown],
        "y": [rank.place(record.params[RANK]) for record in shown],
        "customdata": [record.number for record in shown],
        "text": [f"{results.value(record):.4f}" for record in shown],
        "hovertemplate": f"trial %{{customdata}}: {results.metric} %{{text}}<extra></extra>",
        "marker": {
            "color": [results.value(record) for record in shown],
            "colorscale": SCALE,
            "reversescale": results.mode == "min",
            "colorbar": {"title": {"text": results.metric}, "thickness": 12},
            "size": [14 if record.status.can_win else 8 for record in shown],
            "symbol": ["circle" if r.status.can_win else "triangle-down" for r in shown],
            "line": {"width": 1, "color": "#8a8f98"},
            **_between_most(results, [results.value(record) or 0.0 for record in shown]),
        },
    }
    return Figure(
        "rank-map",
        "Rank and learning rate",
        f"A map of {results.metric} of {len(shown)} trials over {RATE} and {RANK}.",
        "Circles are complete trials, small triangles others at their last value. Yellow is best.",
        [marks],
        {"xaxis": rate.axis(), "yaxis": rank.axis()},
    )


def _between_most(results: Results, values: list[float]) -> Trace:
    """Colours from the best value to the median, so that the good region has most of them."""
    ordered = sorted(values, reverse=results.mode == "max")
    best, middle = ordered[0], ordered[-1 if len(ordered) < 4 else (3 * len(ordered)) // 4]
    low, high = sorted((best, middle))
    return {"cmin": low, "cmax": high}
