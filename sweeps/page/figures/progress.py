"""The best value so far, over the time that trials have used the devices."""

from __future__ import annotations

from itertools import accumulate

from results.records.record import TrialRecord
from sweeps.display.duration import duration
from sweeps.page.figures.figure import Figure, Trace, axis, listed
from sweeps.page.figures.palette import LOOKS, WINNER, Look, look
from sweeps.page.figures.values import value_axis
from sweeps.verdict.results import Results

_UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def progress(results: Results) -> Figure | None:
    """None without a complete trial."""
    ended = sorted(
        (record for record in results.trials if record.status.ended),
        key=lambda record: (record.ended or 0.0, record.number),
    )
    complete = {record.number for record in results.complete()}
    if not complete or len(results.sweep.goals) > 1:
        return None
    times = list(accumulate(record.seconds for record in ended))
    unit, length = unit_for(times[-1])
    at = {record.number: time / length for record, time in zip(ended, times, strict=True)}
    line = _best_line(results, ended, complete, at)
    last = line["y"][-1] if isinstance(line["y"], list) else None
    shown = [record for record in ended if results.value(record) is not None]
    return Figure(
        "progress",
        "Best value so far",
        f"The best {results.metric} so far falls or rises in steps and ends at {last} "
        f"after {duration(times[-1])} of training.",
        "Each mark is a trial at the moment it ended, by the training time of all trials up to "
        "then. The line counts complete trials only; a stopped trial is shown at its last value.",
        [*(_marks(results, shown, each, at) for each in LOOKS), line],
        {
            "xaxis": axis(f"training time of all trials, {unit}", rangemode="tozero"),
            "yaxis": value_axis(results, [results.value(r) or 0.0 for r in shown]),
        },
    )


def unit_for(seconds: float) -> tuple[str, float]:
    """The unit of an axis of that length, and its seconds."""
    return next(each for each in _UNITS if seconds >= 2 * each[1] or each[1] == 1.0)


def _best_line(
    results: Results, ended: list[TrialRecord], complete: set[int], at: dict[int, float]
) -> Trace:
    better = min if results.mode == "min" else max
    own = [record for record in ended if record.number in complete]
    values = [value for record in own if (value := results.value(record)) is not None]
    best = list(accumulate(values, better))
    x = [at[record.number] for record in own]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": listed([*x, max(at.values())]),
        "y": listed([*best, best[-1]]),
        "line": {"color": WINNER, "width": 3, "shape": "hv"},
        "hovertemplate": "best so far: %{y:.4f}<extra></extra>",
    }


def _marks(results: Results, records: list[TrialRecord], its: Look, at: dict[int, float]) -> Trace:
    own = [record for record in records if look(record.status) is its]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{its.name} ({len(own)})",
        "x": [at[record.number] for record in own],
        "y": [results.value(record) for record in own],
        "customdata": [record.number for record in own],
        "hovertemplate": "trial %{customdata}: %{y:.4f}<extra></extra>",
        "marker": {"color": its.colour, "symbol": its.symbol, "size": 7},
    }
