"""A finished sweep of ours as a table: whole curves, for comparing rules that stop trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from benchmarks.replay.table import POINTS, Row, Table
from results.records.record import TrialRecord
from results.records.store import RecordStore
from search_spaces.space import Space


def of_sweep(folder: Path) -> Table:
    """The complete trials of a sweep without early stopping, by its metric.

    A search of it can only draw rows at random: the sweep's own parameters are left out, as most of
    their combinations have no row. SystemExit if the sweep had other evaluation points.
    """
    store = RecordStore(folder)
    sweep = store.sweep()
    sign = 1 if sweep.mode == "min" else -1
    rows = [_row(each, sweep.metric, sign) for each in store.trials() if each.status.can_win]
    rows = [row for row in rows if all(map(math.isfinite, row.losses))]
    if not rows or any(row.points[-1] != POINTS for row in rows):
        raise SystemExit(f"{folder}: no complete trials with {POINTS} evaluation points")
    space = Space.parse({"row": {"uniform": [0, len(rows)]}})
    return Table(sweep.name, space, tuple(_numbered(rows)))


def _row(trial: TrialRecord, metric: str, sign: int) -> Row:
    """Steps are counted in tokens, as trials of other batch sizes have fewer steps."""
    measured = trial.measurements
    return Row(
        {},
        tuple(each.point for each in measured),
        tuple(each.tokens for each in measured),
        tuple(sign * each.metrics.get(metric, math.nan) for each in measured),
    )


def _numbered(rows: Sequence[Row]) -> list[Row]:
    return [
        Row({"row": float(number)}, row.points, row.steps, row.losses)
        for number, row in enumerate(rows)
    ]
