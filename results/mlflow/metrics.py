"""A record's numbers as the metrics of an MLflow run, and back."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from results.mlflow.metric_keys import keys_of
from results.ranking.winners import Ranking
from results.records.record import Measurement, Mode, SweepRecord, TrialRecord
from results.records.stamps import Stamps

TOTALS = (
    "seconds",
    "tokens",
    "tokens_per_second",
    "peak_memory_bytes",
    "trainable_parameters",
    "total_parameters",
    "generation_seconds",
    "judge_tokens",
    "judge_dollars",
    "loading_seconds",
    "lanes",
)
_SERIES = ("point", "tokens", "seconds")

SUBSET = "subset_"
"""Prefix of the metrics on the part of the validation set that evaluation.examples asks for."""


class Row(NamedTuple):
    """One value of a metric; values logged together share `stamp` (unix milliseconds)."""

    key: str
    value: float
    step: int
    stamp: int


def measurement_rows(measurement: Measurement, stamp: int) -> list[Row]:
    """One row for each metric, over optimizer steps; `stamp` must be unique within the run."""
    own = {name: float(getattr(measurement, name)) for name in _SERIES}
    assert not own.keys() & measurement.metrics.keys(), "a metric has a measurement's own name"
    logged = as_logged(measurement)
    subset = {f"{SUBSET}{key}": value for key, value in logged.subset.items()}
    values = {**logged.metrics, **subset, **own}
    return [Row(key, value, measurement.step, stamp) for key, value in values.items()]


def as_logged(measurement: Measurement) -> Measurement:
    """The measurement with its metrics' names as MLflow accepts them."""
    return measurement.with_changes(
        metrics=_keyed(measurement.metrics), subset=_keyed(measurement.subset)
    )


def trial_as_logged(record: TrialRecord) -> TrialRecord:
    """The record with all its metrics' names as MLflow accepts them."""
    return record.with_changes(
        measurements=tuple(map(as_logged, record.measurements)), test=_keyed(record.test)
    )


def _keyed(values: Mapping[str, float]) -> dict[str, float]:
    keys = keys_of(values)
    return {keys[name]: value for name, value in values.items()}


def measurements_in(rows: Iterable[Row]) -> tuple[Measurement, ...]:
    """The measurements among a run's rows.

    A retried trial measures some points again. MLflow keeps both series; measurements undone by the
    retry are dropped here.
    """
    kept: list[Measurement] = []
    for group in _by_stamp(rows):
        if _is_measurement(group):
            measurement = _measurement(group)
            kept = [earlier for earlier in kept if earlier.point < measurement.point]
            kept.append(measurement)
    return tuple(kept)


def missing_measurements(
    wanted: Sequence[Measurement], rows: Sequence[Row], stamps: Stamps
) -> list[tuple[Measurement, int]]:
    """The measurements missing in the run's rows, each with a stamp that keeps their order.

    There is room for them between existing ones, since each had its own stamp before the later one.
    If there is none all the same, the measurement is left out.
    """
    told = {
        group[0].stamp: _measurement(group) for group in _by_stamp(rows) if _is_measurement(group)
    }
    taken = {row.stamp for row in rows}
    later = stamps.next() + len(wanted)
    missing: list[tuple[Measurement, int]] = []
    for one in reversed(wanted):
        stamp = max(
            (at for at, other in told.items() if at < later and other.same_as(as_logged(one))),
            default=0,
        )
        later = stamp or later - 1
        if later not in taken:
            missing.append((one, later))
    return missing[::-1]


def _measurement(group: list[Row]) -> Measurement:
    values = {row.key: _with_infinity(row.value) for row in group}
    own = {name: values.pop(name) for name in _SERIES}
    subset = {key: values.pop(key) for key in list(values) if key.startswith(SUBSET)}
    subset = {key.removeprefix(SUBSET): value for key, value in subset.items()}
    given = {**own, "step": group[0].step, "metrics": values, "subset": subset}
    return Measurement.model_validate(given)


def total_rows(record: TrialRecord, goals: Mapping[str, Mode], stamp: int) -> list[Row]:
    """A trial's totals and, with a single metric, its best value. Of several, the last one counts.

    Tokens and seconds close their series. The others are single values at step 0: MLflow shows the
    value at the greatest step, and a retry may end at an earlier step than its predecessor.
    """
    last = record.last()
    end = last.step if last else 0
    totals = {name: float(getattr(record, name)) for name in TOTALS}
    rows = [Row(key, totals[key], end if key in _SERIES else 0, stamp) for key in TOTALS]
    for metric, mode in goals.items() if len(goals) == 1 else ():
        if best := record.best(metric, mode):
            key = keys_of(best.metrics)[metric]
            rows.append(Row(f"best_{key}", best.metrics[metric], 0, stamp))
    return rows


def totals_in(rows: Iterable[Row]) -> dict[str, float]:
    """The latest totals among a run's rows; empty if no end was logged."""
    return {row.key: row.value for row in _last_totals(rows)}


def totals_stamp(rows: Iterable[Row], record: TrialRecord) -> int | None:
    """The stamp of the record's totals; None if the latest totals are not the record's."""
    last = _last_totals(rows)
    told = {row.key: row.value for row in last}
    same = told == {key: float(getattr(record, key)) for key in TOTALS}
    return last[0].stamp if same else None


def _last_totals(rows: Iterable[Row]) -> list[Row]:
    ends = [group for group in _by_stamp(rows) if any(row.key in TOTALS for row in group)]
    ends = [group for group in ends if not _is_measurement(group)]
    return [row for row in ends[-1] if row.key in TOTALS] if ends else []


def test_rows(record: TrialRecord, stamp: int) -> list[Row]:
    """The trial's measurements on the test set."""
    return [Row(name, value, 0, stamp) for name, value in _keyed(record.test).items()]


def test_in(metrics: Mapping[str, float]) -> dict[str, float]:
    """The test metrics among a run's latest values."""
    return {
        name: _with_infinity(value) for name, value in metrics.items() if name.startswith("test_")
    }


def base_rows(record: SweepRecord, stamp: int) -> list[Row]:
    """The measurements of the untouched base model."""
    return [Row(f"base_{name}", value, 0, stamp) for name, value in _keyed(record.base).items()]


def base_in(metrics: Mapping[str, float]) -> dict[str, float]:
    """The base metrics among a parent run's latest values."""
    return {
        name.removeprefix("base_"): _with_infinity(value)
        for name, value in metrics.items()
        if name.startswith("base_")
    }


def winner_rows(ranking: Ranking, stamp: int) -> list[Row]:
    """The best trial's metrics, or the number of trials on the front; for the parent run."""
    if ranking.several:
        return [Row("front_size", float(len(ranking.winners)), 0, stamp)]
    (metric,) = ranking.goals
    rows = []
    for winner in ranking.chosen:
        best = winner.record.best(metric, ranking.goals[metric])
        key = keys_of(best.metrics if best else [metric])[metric]
        rows.append(Row(f"best_{key}", winner.value, 0, stamp))
    return rows


def confirmed_rows(means: Mapping[str, float], stamp: int) -> list[Row]:
    """The confirmed winner's means over fresh seeds; for the parent run."""
    return [Row(f"confirmed_{key}", value, 0, stamp) for key, value in _keyed(means).items()]


def news(rows: Iterable[Row], latest: Mapping[str, float]) -> list[Row]:
    """The rows whose values differ from the run's latest."""
    return [row for row in rows if not _same(row.value, latest.get(row.key))]


def _same(value: float, stored: float | None) -> bool:
    if stored is None or math.isnan(value):
        return stored is not None and math.isnan(stored)
    return value == _with_infinity(stored)


def _with_infinity(value: float) -> float:
    """Undo MLflow's databases' replacement of infinity by the greatest float."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


def _is_measurement(group: list[Row]) -> bool:
    return any(row.key == "point" for row in group)


def _by_stamp(rows: Iterable[Row]) -> list[list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.stamp].append(row)
    return [groups[stamp] for stamp in sorted(groups)]
