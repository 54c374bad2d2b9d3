"""The caps on results: a target, and patience. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from results.records.record import Mode, ReachedCap, TrialRecord, TrialStatus

UNTRIED = (TrialStatus.FAILED, TrialStatus.INFEASIBLE)
"""Trials that say nothing on whether the search still improves."""


def target_reached(
    trials: Sequence[TrialRecord], target: Mapping[str, float], goals: Mapping[str, Mode]
) -> ReachedCap | None:
    """The first complete trial whose counted evaluation has all target values."""
    for trial in trials:
        counted = trial.counted(goals) if trial.status.can_win else None
        if counted and all(
            _at_least_as_good(counted.metrics.get(name), value, goals[name])
            for name, value in target.items()
        ):
            name = next(iter(target))
            wanted = " and ".join(f"{each} {value:g}" for each, value in target.items())
            has = " and ".join(f"{counted.metrics[each]:.4g}" for each in target)
            why = f"trial {trial.number} has {has}, and the target was {wanted}"
            return ReachedCap(cap=f"target.{name}", why=why)
    return None


def patience_over(
    trials: Sequence[TrialRecord], patience: int, goals: Mapping[str, Mode]
) -> ReachedCap | None:
    """Whether so many trials have ended since the last that was better than all before it, or
    with several metrics: than which none before was at least as good in all."""
    ended = [each for each in trials if each.status.ended and each.status not in UNTRIED]
    ended.sort(key=lambda each: (each.ended or 0.0, each.number))
    best: list[dict[str, float]] = []
    last: TrialRecord | None = None
    idle = 0
    for trial in ended:
        counted = trial.counted(goals) if trial.status.can_win else None
        idle += 1
        if counted and all(math.isfinite(counted.metrics.get(name, math.nan)) for name in goals):
            found = {name: counted.metrics[name] for name in goals}
            if not any(_dominates(each, found, goals) for each in best):
                best.append(found)
                last, idle = trial, 0
    if idle < patience:
        return None
    since = f"since trial {last.number}" if last else "so far"
    return ReachedCap(cap="patience", why=f"{idle} trials without a better one {since}")


def _dominates(
    other: Mapping[str, float], found: Mapping[str, float], goals: Mapping[str, Mode]
) -> bool:
    return all(_at_least_as_good(other[name], found[name], goals[name]) for name in goals)


def _at_least_as_good(value: float | None, than: float, mode: Mode) -> bool:
    if value is None:
        return False
    return value <= than if mode == "min" else value >= than
