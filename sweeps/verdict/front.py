"""The verdict on a sweep with several metrics, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from results.ranking.certainty import Difference
from results.ranking.pareto import dominates
from results.ranking.winners import Ranking
from results.records.record import Measurement, SweepRecord
from sweeps.verdict.overlaps import overlaps_searched_by
from sweeps.verdict.single import SURE, amount, in_words
from trainables.objectives.policy import KL

_Point = tuple[float, ...]

FromBase = Mapping[str, Mapping[int, Difference | None]]
"""Of each metric, the paired differences of all complete trials from the base; None: not known."""

_MODEL = "the untouched base model"


def front_verdict(
    sweep: SweepRecord, ranking: Ranking, from_base: FromBase | None = None
) -> tuple[str, str]:
    """(the trials on the front, caveats)."""
    choice = "The choice among them is yours. " if len(ranking.winners) > 1 else ""
    caution = (
        f"{choice}Each trial was trained once, so small differences between trials may be noise."
    )
    against = " ".join((*_against_base(sweep, ranking), *_gains(sweep, ranking, from_base or {})))
    return _who(sweep, ranking), " ".join(
        filter(None, (overlaps_searched_by(sweep), against, caution))
    )


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


def _against_base(sweep: SweepRecord, ranking: Ranking) -> Iterator[str]:
    """Which trials are better or worse than the base by all metrics; nothing of a front by the
    distance from it, which no training shortens."""
    base = tuple(sweep.base.get(name, math.nan) for name in ranking.goals)
    if KL in ranking.goals or not all(map(math.isfinite, base)):
        return
    modes = tuple(ranking.goals.values())
    points = {w.record.number: _point(w.best, ranking) for w in ranking.winners}
    better = {n: point for n, point in points.items() if dominates(point, base, modes)}
    worse = {n: point for n, point in points.items() if dominates(base, point, modes)}
    if better:
        yield f"Better than {_MODEL} in {_where(better, base, 'worse')}."
    elif worse:
        yield f"WORSE than {_MODEL} in {_where(worse, base, 'better')}."
    elif all(point == base for point in points.values()):
        yield f"Exactly as good as {_MODEL} in all metrics."
    else:
        yield f"Compared with {_MODEL}, they gain in one metric and lose in another."


def _gains(sweep: SweepRecord, ranking: Ranking, from_base: FromBase) -> Iterator[str]:
    """Of each metric, the most that a trial gained over the base, and how many gained for sure."""
    distant, said = KL in ranking.goals, False
    for name, mode in ranking.goals.items():
        base, known = sweep.base.get(name, math.nan), from_base.get(name, {})
        if name != KL and math.isfinite(base) and (distant or any(known.values())):
            sign, said = (-1 if mode == "min" else 1), True
            gains = {w.record.number: sign * (w.best.metrics[name] - base) for w in ranking.winners}
            yield _gain(name, gains, known, sign)
    if distant and said:
        yield f"{KL} is a trial's distance from that model, whose own is 0."


def _gain(
    name: str,
    gains: Mapping[int, float],
    known: Mapping[int, Difference | None],
    sign: int,
) -> str:
    best = max(gains, key=lambda number: gains[number])
    gain, measured = gains[best], known.get(best)
    if gain <= 0:
        return f"In {name}, no trial on the front is better than {_MODEL}."
    head = f"In {name}, trial {best} is best: {amount(gain, measured)} better than {_MODEL}"
    if measured is None:
        return f"{head}."
    compared = [each for each in known.values() if each is not None]
    beyond = sum(sign * each.z >= SURE for each in compared)
    if not beyond:
        return f"{head}, which may be noise of the {measured.count:,} validation examples."
    if len(compared) == 1:
        return f"{head}, more than the noise of the {measured.count:,} validation examples."
    return (
        f"{head}; of {len(compared)} trials, {beyond} gained more than the noise of the "
        f"{measured.count:,} validation examples."
    )


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
