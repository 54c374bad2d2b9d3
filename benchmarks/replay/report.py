"""Replayed searches as Markdown tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.replay.figures import BySeed, Interval, against, mean_ranks, median_interval
from benchmarks.replay.results import Results
from benchmarks.replay.table import Table

_UNIT = 1000
"""Regrets are shown in thousandths of the loss."""

Regrets = dict[str, dict[str, dict[int, float]]]
"""By table, way and seed, at one number of workers and one budget."""


def report(results: Results, tables: Mapping[str, Table], base: str, shown: Sequence[float]) -> str:
    """For each number of workers the ranks over tables, then each table's regrets at the budgets
    that are `shown`."""
    return "\n".join(_lines(results, tables, base, shown))


def _lines(
    results: Results, tables: Mapping[str, Table], base: str, shown: Sequence[float]
) -> Iterator[str]:
    for workers in sorted({case.workers for case in results}):
        found = _regrets(results, tables, workers)
        yield f"\n### {workers} at once\n"
        yield from _ranks({budget: found[budget] for budget in shown})
        for table in found[max(shown)]:
            yield from _table(
                tables[table], {b: each[table] for b, each in found.items()}, base, shown
            )


def _regrets(results: Results, tables: Mapping[str, Table], workers: int) -> dict[float, Regrets]:
    regrets: defaultdict[float, Regrets] = defaultdict(dict)
    for case, seeds in results.items():
        if case.workers != workers:
            continue
        best = tables[case.table].best
        for seed, outcomes in seeds.items():
            for each in outcomes:
                ways = regrets[each.budget].setdefault(case.table, {})
                ways.setdefault(case.way, {})[seed] = _UNIT * (each.loss - best)
    return dict(sorted(regrets.items()))


def _ranks(found: Mapping[float, Regrets]) -> Iterator[str]:
    ranks = {budget: mean_ranks(each) for budget, each in found.items()}
    yield _row("mean rank over tables", *(f"{budget:g} runs" for budget in ranks))
    yield _row(*["---"] * (1 + len(ranks)))
    last = ranks[max(ranks)]
    for way in sorted(last, key=last.__getitem__):
        yield _row(f"`{way}`", *(f"{each[way]:.2f}" for each in ranks.values()))


def _table(
    table: Table,
    found: Mapping[float, Mapping[str, BySeed]],
    base: str,
    shown: Sequence[float],
) -> Iterator[str]:
    noise = f"; standard error of one evaluation {_UNIT * table.error:.1f}" if table.error else ""
    yield f"\n{table.name}: {len(table.rows)} runs{noise}\n"
    heads = [head for budget in shown for head in (f"{budget:g} runs", "won", "p")]
    yield _row("median regret (95%), thousandths", *heads, f"runs to `{base}`'s end")
    yield _row(*["---"] * (2 + len(heads)))
    last = max(shown)
    middles = {way: median_interval(regrets) for way, regrets in found[last].items()}
    pairs = {b: against(base, found[b]) if base in found[b] else {} for b in shown}
    for way in sorted(middles, key=middles.__getitem__):
        cells = []
        for budget in shown:
            cells.append(_shown(median_interval(found[budget][way])))
            pair = pairs[budget].get(way)
            cells += [f"{pair.won:.0%}", shown_p(pair.p)] if pair else ["", ""]
        goal = middles[base].median if base in middles else -1.0
        yield _row(f"`{way}` ({len(found[last][way])})", *cells, _runs_to(goal, way, found))


def _runs_to(goal: float, way: str, found: Mapping[float, Mapping[str, BySeed]]) -> str:
    """The smallest budget at which the median regret is at most the goal."""
    there = (
        budget
        for budget, each in found.items()
        if way in each and float(np.median(list(each[way].values()))) <= goal
    )
    budget = next(there, None)
    return "-" if budget is None else f"{budget:g}"


def _shown(each: Interval) -> str:
    return f"{each.median:.3g} ({each.low:.3g}, {each.high:.3g})"


def shown_p(p: float) -> str:
    """A p-value with three decimals."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
