"""Everything to the first rung, and the best few of it to the end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.replay.clock import Outcome
from benchmarks.replay.table import Row, Table

FINALISTS = 3


def one_rung(table: Table, seed: int, budgets: Sequence[float]) -> list[Outcome]:
    """Random rows, as many as the budget allows, to their first point; then the best to the end.

    Independent of the number of workers, apart from the wait for the slowest.
    """
    return [_at(table, seed, budget) for budget in budgets]


def _at(table: Table, seed: int, budget: float) -> Outcome:
    order = np.random.default_rng(seed).permutation(len(table.rows))
    left = budget * table.full_run
    first: list[Row] = []
    for place in order:
        row = table.rows[place]
        if _spent([*first, row]) > left:
            break
        first.append(row)
    finalists = sorted(first, key=lambda row: row.losses[0])[:FINALISTS]
    loss = min((row.best for row in finalists), default=math.inf)
    return Outcome(budget, loss, len(first))


def _spent(rows: Sequence[Row]) -> float:
    finalists = sorted(rows, key=lambda row: row.losses[0])[:FINALISTS]
    rest = sum(row.steps[-1] - row.steps[0] for row in finalists)
    return sum(row.steps[0] for row in rows) + rest
