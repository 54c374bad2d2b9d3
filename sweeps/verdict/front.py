"""The verdict on a sweep with several metrics, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from results.ranking.pareto import dominates
from results.ranking.winners import Ranking
from results.records.record import Measurement, SweepRecord
from sweeps.verdict.overlaps import overlaps_searched_by
from sweeps.verdict.single import in_words

_Point = tuple[float, ...]


def front_verdict(sweep: SweepRecord, ranking: Ranking) -> tuple[str, str]:
    """(the trials on the front, caveats)."""
    choice = "The choice among them is yours. " if len(ranking.winners) > 1 else ""
    caution = (
        f"{choice}Each trial was trained once, so small differences between trials may be noise."
    )
    trained_on = overlaps_searched_by(sweep)
    doubts = f"{_against_base(sweep, ranking)}{caution}"
    return _who(sweep, ranking), f"{trained_on} {doubts}" if trained_on else doubts


def _who(sweep: SweepRecord, ranking: Ranking) -> str:
    names, front = _names(ranking), ranking.winners
    if len(front) == 1:
        number = front[0].record.number
        return (
            f"Trial {number} is the whole front{sweep.so_far}: no other trial is better in any of "
            f"{names}."
        )
    return (
        f"{len(front)} of {ranking.trials} trials are on the front{sweep.so_far}: none can be "
        f"improved in one of {names} without a loss in another."
    )


def _against_base(sweep: SweepRecord, ranking: Ranking) -> str:
    base = tuple(sweep.base.get(name, math.nan) for name in ranking.goals)
    if not all(map(math.isfinite, base)):
        return ""
    modes = tuple(ranking.goals.values())
    points = {w.record.number: _point(w.best, ranking) for w in ranking.winners}
    better = {n: point for n, point in points.items() if dominates(point, base, modes)}
    worse = {n: point for n, point in points.items() if dominates(base, point, modes)}
    model = "the untouched base model"
    if better:
        return f"Better than {model} in {_where(better, base, 'worse')}. "
    if worse:
        return f"WORSE than {model} in {_where(worse, base, 'better')}. "
    if all(point == base for point in points.values()):
        return f"Exactly as good as {model} in all metrics. "
    return f"Compared with {model}, they gain in one metric and lose in another. "


def _where(points: Mapping[int, _Point], base: _Point, opposite: str) -> str:
    """In which metrics they differ from the base, and which trials they are."""
    ties = any(
        mine == theirs
        for point in points.values()
        for mine, theirs in zip(point, base, strict=True)
    )
    metrics = f"some metrics and {opposite} in none" if ties else "all metrics"
    return f"{metrics}: {in_words([*points]).lower()}"


def _point(measurement: Measurement, ranking: Ranking) -> _Point:
    return tuple(measurement.metrics[name] for name in ranking.goals)


def _names(ranking: Ranking) -> str:
    *others, last = ranking.goals
    return f"{', '.join(others)} and {last}"
