"""The front of a sweep with several metrics, and why other trials are not on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from results.ranking.figures import apart, size
from results.ranking.pareto import dominates, layers
from results.ranking.winners import LeftOut, Ranking, Winner, rank, reason
from results.records.record import Mode, TrialRecord, TrialStatus

Points = Mapping[int, tuple[float, ...]]
"""Trial number -> its value of each metric; only for comparable trials."""


def judge(
    records: Sequence[TrialRecord],
    goals: Mapping[str, Mode],
    base: Mapping[str, float] = MappingProxyType({}),
) -> Ranking:
    """The ranking by these metrics: best trials first, or the Pareto front of several metrics.

    A dominated trial that is nowhere better than the `base` says so.
    """
    if len(goals) > 1:
        return rank_front(records, goals, base)
    ((metric, mode),) = goals.items()
    return rank(records, metric, mode)


def rank_front(
    records: Sequence[TrialRecord],
    goals: Mapping[str, Mode],
    base: Mapping[str, float] = MappingProxyType({}),
) -> Ranking:
    """The complete trials that no other dominates, by the first metric.

    One dominates another if it is nowhere worse, and better by some metric. A trial's values are
    those of its last evaluation.
    """
    ordered = sorted(records, key=lambda record: record.number)
    by_number = {record.number: record for record in ordered}
    front, points = _front(ordered, goals)
    return Ranking(
        goals,
        tuple(_winner(by_number[number], front, points, goals) for number in front),
        tuple(_left_out(r, front, points, goals, base) for r in ordered if r.number not in front),
    )


def _front(records: Sequence[TrialRecord], goals: Mapping[str, Mode]) -> tuple[list[int], Points]:
    """The numbers of the trials on the front, and the points of all comparable trials."""
    points = {r.number: _point(r, goals) for r in records if _can_be_compared(r, goals)}
    numbers = list(points)
    first = next(layers(list(points.values()), tuple(goals.values())), [])
    return [numbers[place] for place in first], points


def _can_be_compared(record: TrialRecord, goals: Mapping[str, Mode]) -> bool:
    return record.status.can_win and all(map(math.isfinite, _point(record, goals)))


def _point(record: TrialRecord, goals: Mapping[str, Mode]) -> tuple[float, ...]:
    counts = record.counted(goals)
    return tuple(counts.metrics.get(name, math.nan) if counts else math.nan for name in goals)


def _winner(
    record: TrialRecord, front: Sequence[int], points: Points, goals: Mapping[str, Mode]
) -> Winner:
    point, counts = points[record.number], record.counted(goals)
    assert counts is not None, "what can be compared was measured"
    equals = (n for n in front if points[n] == point and n != record.number)
    return Winner(record, counts, point[0], tuple(sorted(equals)))


def _left_out(
    record: TrialRecord,
    front: Sequence[int],
    points: Points,
    goals: Mapping[str, Mode],
    base: Mapping[str, float],
) -> LeftOut:
    point = points.get(record.number)
    if point is None:
        return LeftOut(record.number, record.status, _why_no_point(record, goals))
    modes = tuple(goals.values())
    better = next(number for number in front if dominates(points[number], point, modes))
    why = _dominated(better, dict(zip(goals, zip(points[better], point, strict=True), strict=True)))
    why += _below_base(dict(zip(goals, point, strict=True)), goals, base)
    return LeftOut(record.number, record.status, why, better)


def _dominated(better: int, pairs: Mapping[str, tuple[float, float]]) -> str:
    """By which trial, and by what if the two look equal in a table; `pairs` are of its value and
    the trial's."""
    texts = {name: apart(*pair) for name, pair in pairs.items() if pair[0] != pair[1]}
    close = [f"{name} {pair[1]}, there {pair[0]}" for name, pair in texts.items() if pair]
    if len(close) < len(texts):
        return f"dominated by trial {better}"
    return f"barely dominated by trial {better}: {'; '.join(close)}"


def _below_base(
    point: Mapping[str, float], goals: Mapping[str, Mode], base: Mapping[str, float]
) -> str:
    """That a trial is worse than the base by some metric and better by none; else empty."""
    known = [name for name in goals if math.isfinite(base.get(name, math.nan))]
    mine, theirs = (tuple(values[name] for name in known) for values in (point, base))
    if not known or not dominates(theirs, mine, tuple(goals[name] for name in known)):
        return ""
    texts = {
        name: apart(point[name], base[name]) or (size(point[name]), size(base[name]))
        for name in known
        if point[name] != base[name]
    }
    values = "; ".join(f"{name} {own}, there {other}" for name, (own, other) in texts.items())
    return f"; worse than the untouched base model ({values})"


def _why_no_point(record: TrialRecord, goals: Mapping[str, Mode]) -> str:
    values = dict(zip(goals, _point(record, goals), strict=True))
    bad = next((name for name, value in values.items() if not math.isfinite(value)), None)
    if record.status is TrialStatus.COMPLETE and record.measurements:
        return f"complete but {bad} was not a finite number at the last evaluation"
    return reason(record, bad or next(iter(goals)))
