"""Parallel coordinates: one line for each trial through its parameters to its value.

Drawn as plain lines: plotly's own chart of this kind has no place for a trial that lacks a
parameter, as trials of conditional spaces do, and prints poorly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from results.records.record import TrialRecord
from search_spaces.values import as_float
from sweeps.display.parameters import show_params, show_value
from sweeps.page.figures.figure import Figure, Json, Layout, Trace, axis, chained, listed, plain
from sweeps.page.figures.palette import QUIET
from sweeps.page.figures.scale import Scale
from sweeps.verdict.results import Results

_ABSENT = -0.14
"""Height at which lines pass the axis of a parameter that the trial does not have."""

_BANDS = (("worst fifth", "#c9a227"), ("", "#7aa05a"), ("", "#3f9a86"), ("", "#3f7fb5"),
          ("best fifth", "#7a4fb8"))  # fmt: skip
"""From the worst trials to the best: hues from yellow to violet, as in Viridis."""

_MOST_OPTIONS = 8
"""Options named along an axis; of more, only the first and the last are."""


def parallel(results: Results, names: Sequence[str]) -> Figure | None:
    """None with fewer than two trials that have a value, or fewer than two parameters."""
    valued = [record for record in results.trials if results.value(record) is not None]
    if len(valued) < 2 or len(names) < 2:
        return None
    columns = [*(_Column.of_parameter(results, name) for name in names), _Column.of_value(results)]
    worst_first = sorted(valued, key=lambda record: _cost(results, record), reverse=True)
    return Figure(
        "parallel",
        "Parallel coordinates",
        f"Lines of {len(valued)} trials through {', '.join(names)} to {results.metric}; "
        "the best fifth of them is drawn last and thickest.",
        "One line for each trial, from its parameters to its value at the right, best at the top. "
        "Unfinished trials are placed by their last value. A line below the axes passes a "
        "parameter that its trial does not have.",
        [_band(columns, worst_first, place) for place in range(len(_BANDS))],
        {
            "xaxis": {
                "tickvals": list(range(len(columns))),
                "ticktext": [column.title for column in columns],
                "range": [-0.3, len(columns) - 0.7],
                "zeroline": False,
                "automargin": True,
            },
            "yaxis": axis("", visible=False, range=[_ABSENT - 0.06, 1.06], fixedrange=True),
            "annotations": [text for n, column in enumerate(columns) for text in column.ticks(n)],
            "hovermode": "closest",
        },
    )


class _Column:
    """An axis: heights 0 .. 1 of the trials that have its value, and the ticks beside it."""

    def __init__(
        self, title: str, heights: Mapping[int, float], ticks: Mapping[float, str]
    ) -> None:
        self.title = title
        self.heights = heights
        self._ticks = ticks

    @classmethod
    def of_parameter(cls, results: Results, name: str) -> _Column:
        """The axis of a searched parameter: options at even distances, numbers on their scale."""
        scale = Scale.of(results, name)
        values = {r.number: r.params[name] for r in results.trials if name in r.params}
        if scale.options:
            last = max(1, len(scale.options) - 1)
            places = {option: place / last for place, option in enumerate(scale.options)}
            heights = {number: places[str(scale.place(v))] for number, v in values.items()}
            named = (
                scale.options if len(places) <= _MOST_OPTIONS else scale.options[:: len(places) - 1]
            )
            ticks = {places[option]: _cut(option) for option in named}
            return cls(name, _spread(heights), ticks)
        numbers = {number: as_float(value) or 0.0 for number, value in values.items()}
        return cls(name, *_between(numbers, scale.log))

    @classmethod
    def of_value(cls, results: Results) -> _Column:
        """The axis of the metric, with the best value at the top."""
        values = {r.number: v for r in results.trials if (v := results.value(r)) is not None}
        heights, ticks = _between(values, log=False)
        if results.mode == "min":
            heights = {number: 1 - height for number, height in heights.items()}
            ticks = {1 - height: text for height, text in ticks.items()}
        return cls(results.metric, heights, ticks)

    def ticks(self, place: int) -> list[Json]:
        return [_text(place, height, text) for height, text in self._ticks.items()]


def _between(values: Mapping[int, float], log: bool) -> tuple[dict[int, float], dict[float, str]]:
    """Heights between the smallest and the largest value, and both of these in words."""
    numbers = {n: math.log(v) if log and v > 0 else v for n, v in values.items()}
    low, high = min(numbers.values()), max(numbers.values())
    span = (high - low) or 1.0
    ends = {0.0: show_value(min(values.values())), 1.0: show_value(max(values.values()))}
    return {number: (value - low) / span for number, value in numbers.items()}, ends


def _spread(heights: Mapping[int, float]) -> dict[int, float]:
    """Slightly apart by trial number, so that lines through one option do not hide each other."""
    return {
        number: height + 0.03 * ((number * 0.618) % 1 - 0.5) for number, height in heights.items()
    }


def _cut(text: str) -> str:
    return text if len(text) <= 18 else f"{text[:8]}…{text[-9:]}"


def _text(place: int, height: float, text: str) -> Layout:
    where: Layout = {"x": place, "y": height, "xshift": -5, "xanchor": "right"}
    return {**where, "text": text, "showarrow": False, "font": {"size": 11}}


def _cost(results: Results, record: TrialRecord) -> float:
    value = results.value(record)
    assert value is not None, "trials without a value are left out"
    return value if results.mode == "min" else -value


def _band(columns: Sequence[_Column], records: Sequence[TrialRecord], band: int) -> Trace:
    """A fifth of the trials."""
    count, most = len(records), len(_BANDS)
    own = records[count * band // most : count * (band + 1) // most]
    name, colour = _BANDS[band]
    best = band == most - 1
    heights = [[column.heights.get(r.number, _ABSENT) for column in columns] for r in own]
    words = [_words(record, len(columns)) for record in own]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name or "between",
        "showlegend": bool(name),
        "x": chained([list(range(len(columns)))] * len(own)),
        "y": chained([listed(each) for each in heights]),
        "text": chained(words),
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": colour or QUIET, "width": 2.6 if best else 1.1, "shape": "linear"},
        "opacity": 0.95 if best else 0.5,
    }


def _words(record: TrialRecord, count: int) -> list[Json]:
    """What is shown under the pointer: the trial, and at the last axis its parameters as well."""
    name, params = f"trial {record.number}", plain(show_params(record.params))
    return [*[name] * (count - 1), f"{name}<br>{params.replace('  ', '<br>')}"]
