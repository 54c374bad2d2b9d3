"""The value over one parameter, for the trials that have it."""

from __future__ import annotations

from collections.abc import Sequence

from results.records.record import TrialRecord
from sweeps.display.parameters import show_params
from sweeps.page.figures.figure import Figure, Trace, plain
from sweeps.page.figures.palette import LOOKS, WINNER, Look, look
from sweeps.page.figures.scale import Scale
from sweeps.page.figures.values import value_axis
from sweeps.verdict.results import Results


def slice_of(results: Results, name: str) -> Figure | None:
    """None if no trial with a value has the parameter."""
    shown = [r for r in results.trials if name in r.params and results.value(r) is not None]
    if not shown:
        return None
    scale = Scale.of(results, name)
    best = [record for record in shown if record.number in results.chosen]
    data = [_marks(results, scale, [r for r in shown if look(r.status) is each], each)
            for each in LOOKS]  # fmt: skip
    ring = _marks(results, scale, best, Look("winner", WINNER, "circle-open"))
    ring["marker"] = {"color": WINNER, "symbol": "circle-open", "size": 15, "line": {"width": 3}}
    return Figure(
        f"slice-{name.replace('.', '-')}",
        f"{results.metric} over {name}",
        f"{results.metric} of the {len(shown)} trials that have {name}, over its values.",
        f"The {len(shown)} trials that have {name}; unfinished ones at their last value.",
        [each for each in (*data, ring) if each["x"]],
        {
            "xaxis": scale.axis(),
            "yaxis": value_axis(results, [results.value(r) or 0.0 for r in shown]),
        },
    )


def _marks(results: Results, scale: Scale, records: Sequence[TrialRecord], its: Look) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{its.name} ({len(records)})",
        "x": [scale.place(record.params[scale.name]) for record in records],
        "y": [results.value(record) for record in records],
        "text": [_words(record) for record in records],
        "hovertemplate": "%{text}<br>%{y:.4f}<extra></extra>",
        "marker": {"color": its.colour, "symbol": its.symbol, "size": 8},
    }


def _words(record: TrialRecord) -> str:
    params = plain(show_params(record.params)).replace("  ", "<br>")
    return f"trial {record.number}<br>{params}"
