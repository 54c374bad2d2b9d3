"""The report on several sweeps: one HTML page."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

from results.ranking.figures import size
from sweeps.base.whole_file import write_whole
from sweeps.display.duration import duration
from sweeps.display.parameters import show_params
from sweeps.page.figures.figure import Figure, Trace, axis, listed, plain
from sweeps.page.figures.palette import SERIES
from sweeps.page.figures.progress import unit_for
from sweeps.page.page import plotly, template
from sweeps.verdict.comparison import Comparison, Entry
from sweeps.verdict.results import Results


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write the page, whole or not at all."""
    return write_whole(path, render_comparison(comparison).encode())


def render_comparison(comparison: Comparison) -> str:
    """The page on the compared sweeps."""
    figure = _progress(comparison)
    return template("comparison").render(
        comparison=comparison,
        rows=[_row(entry) for entry in comparison.entries],
        sentences=comparison.sentences(),
        figure=figure,
        charts={figure.key: figure.json()} if figure else {},
        plotly=plotly(),
    )


def _row(entry: Entry) -> dict[str, str]:
    results, winner = entry.results, entry.winner
    sweep, trials = results.sweep, results.trials
    cluster = results.folder.store.cluster()
    base = sweep.base.get(sweep.metric)
    return {
        "sweep": entry.name,
        "state": sweep.state.value,
        "trials": f"{len(results.ranking.winners)} of {len(trials)}",
        "value": size(winner.value) if winner else "",
        "behind": entry.distance,
        "base": "" if base is None else size(base),
        "seconds": duration(sum(record.seconds for record in trials)),
        "tokens": f"{sum(record.tokens for record in trials):,}",
        "cost": f"${cluster.cost:,.2f}" if cluster and cluster.cost is not None else "",
        "winner": f"trial {winner.record.number}: {show_params(winner.record.params)}"
        if winner
        else "no complete trial",
    }


def _progress(comparison: Comparison) -> Figure | None:
    """The best value so far of each sweep, over the training time of its trials."""
    won = [entry.results for entry in comparison.entries if entry.winner]
    if not won:
        return None
    times = [sum(record.seconds for record in results.trials) for results in won]
    unit, length = unit_for(max(times))
    return Figure(
        "progress",
        "Best value so far",
        f"The best {comparison.metric} so far of {len(won)} sweeps, over training time.",
        "Over the training time of all trials of a sweep up to then; complete trials only.",
        [_line(results, length, number) for number, results in enumerate(won)],
        {
            "xaxis": axis(f"training time of all trials, {unit}", rangemode="tozero"),
            "yaxis": axis(comparison.metric),
        },
    )


def _line(results: Results, length: float, number: int) -> Trace:
    ended = sorted(
        (record for record in results.trials if record.status.ended),
        key=lambda record: (record.ended or 0.0, record.number),
    )
    times = accumulate(record.seconds / length for record in ended)
    at = {record.number: time for record, time in zip(ended, times, strict=True)}
    # Of the whole validation set: other sweeps have other parts of it (evaluation.examples).
    worth = {winner.record.number: winner.value for winner in results.ranking.winners}
    values = [(at[r.number], worth[r.number]) for r in ended if r.number in worth]
    best = list(accumulate((value for _, value in values), min if results.mode == "min" else max))
    colour, dash = SERIES[number % len(SERIES)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(results.sweep.name),
        "x": listed([*(time for time, _ in values), max(at.values())]),
        "y": listed([*best, best[-1]]),
        "line": {"color": colour, "dash": dash, "width": 3, "shape": "hv"},
        "hovertemplate": "%{y:.4f}<extra>%{fullData.name}</extra>",
    }
