"""The axis of the first metric."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.page.figures.figure import Json, Layout, axis
from sweeps.verdict.results import Results

_SHOWN = 0.9
"""Share of the values that the axis shows without zooming out; diverged trials go far beyond."""


def value_axis(results: Results, values: Sequence[float]) -> Layout:
    """From the best value to most others; a double click shows all."""
    return axis(f"{results.metric}{results.compared_on}", range=_range(results, values))


def _range(results: Results, values: Sequence[float]) -> Json:
    costs = sorted(value if results.mode == "min" else -value for value in values)
    best, worst = costs[0], costs[min(len(costs) - 1, int(_SHOWN * len(costs)))]
    room = 0.06 * (worst - best)
    if room <= 0:
        return None
    low, high = best - room, worst + room
    return [low, high] if results.mode == "min" else [-high, -low]
