"""The confirmed trials of a sweep with several metrics, by their means over fresh seeds. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.ranking.confirmation import common_seeds
from results.ranking.pareto import layers
from results.records.record import Mode, TrialRecord

_DRAWS = 20_000

Values = Mapping[int, tuple[float, ...]]
"""Seed -> the values of all metrics."""


@dataclass(frozen=True, slots=True)
class ConfirmedPoint:
    """A trial of the front and its confirmations: means and standard deviations by metric.

    `on_front` is whether no other confirmed trial dominates its means, and `chance` the probability
    of that for the true means; None if it cannot be told.
    """

    record: TrialRecord
    repeats: tuple[TrialRecord, ...]
    first: Mapping[str, float]
    means: Mapping[str, float]
    deviations: Mapping[str, float]
    on_front: bool
    chance: float | None
    lost: int

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.record.number


@dataclass(frozen=True, slots=True)
class ConfirmedFront:
    """The confirmed trials, in the order of the first metric's means; `compared` are the seeds
    that all of them have."""

    goals: Mapping[str, Mode]
    trials: tuple[ConfirmedPoint, ...]
    compared: tuple[int, ...]

    @property
    def winner(self) -> ConfirmedPoint:
        """The trial on the front of the means that is best by the first metric."""
        return next(each for each in self.trials if each.on_front)


def confirm_front(
    trials: Sequence[TrialRecord], repeats: Sequence[TrialRecord], goals: Mapping[str, Mode]
) -> ConfirmedFront | None:
    """The confirmation of a sweep with several metrics; None before any repeat is complete."""
    valued = {}
    for trial in trials:
        own = [each for each in repeats if each.confirms == trial.number]
        values = {each.repeat: point for each in own if (point := _point(each, goals))}
        if values and _point(trial, goals):
            valued[trial.number] = trial, own, values
    if not valued:
        return None
    seeds = common_seeds([values for _, _, values in valued.values()])
    if len(seeds) > 1 and all(set(seeds) <= set(values) for _, _, values in valued.values()):
        valued = {
            number: (trial, own, {seed: values[seed] for seed in seeds})
            for number, (trial, own, values) in valued.items()
        }
    means = {number: _mean(values) for number, (_, _, values) in valued.items()}
    front = _front(means, goals)
    chances = _chances({n: values for n, (_, _, values) in valued.items()}, seeds, goals)
    points = [
        _confirmed(*valued[number], goals, number in front, chances.get(number))
        for number in valued
    ]
    first, mode = next(iter(goals.items()))
    points.sort(key=lambda each: each.means[first], reverse=mode == "max")
    return ConfirmedFront(goals, tuple(points), seeds)


def _confirmed(
    trial: TrialRecord,
    own: Sequence[TrialRecord],
    values: Values,
    goals: Mapping[str, Mode],
    on_front: bool,
    chance: float | None,
) -> ConfirmedPoint:
    table = np.asarray(list(values.values()))
    spread = table.std(axis=0, ddof=1) if len(values) > 1 else np.full(len(goals), math.nan)
    first = _point(trial, goals)
    assert first is not None, "compared"
    return ConfirmedPoint(
        record=trial,
        repeats=tuple(each for each in own if each.repeat in values),
        first=dict(zip(goals, first, strict=True)),
        means=dict(zip(goals, map(float, table.mean(axis=0)), strict=True)),
        deviations=dict(zip(goals, map(float, spread), strict=True)),
        on_front=on_front,
        chance=chance,
        lost=sum(each.status.ended and _point(each, goals) is None for each in own),
    )


def _point(record: TrialRecord, goals: Mapping[str, Mode]) -> tuple[float, ...] | None:
    counted = record.counted(goals) if record.status.can_win else None
    values = tuple(counted.metrics.get(name, math.nan) for name in goals) if counted else ()
    return values if values and all(map(math.isfinite, values)) else None


def _mean(values: Values) -> tuple[float, ...]:
    return tuple(np.asarray(list(values.values())).mean(axis=0).tolist())


def _front(points: Mapping[int, Sequence[float]], goals: Mapping[str, Mode]) -> set[int]:
    numbers = list(points)
    first = next(layers(list(points.values()), tuple(goals.values())), [])
    return {numbers[place] for place in first}


def _chances(
    valued: Mapping[int, Values], seeds: Sequence[int], goals: Mapping[str, Mode]
) -> dict[int, float]:
    """The probability of each trial with all `seeds` to be on the front of the true means.

    Drawn from the posterior under a flat prior: the means of all metrics together are normal with
    the covariance of the seeds' residuals, pooled over the trials, whose scale is that of a chi
    square with their degrees of freedom (a multivariate t).
    """
    numbers = [number for number, values in valued.items() if set(seeds) <= values.keys()]
    if len(seeds) < 2 or not numbers:
        return {}
    table = np.asarray([[valued[number][seed] for seed in seeds] for number in numbers])
    means, draws = table.mean(axis=1), _draws(table)
    signs = np.asarray([1.0 if mode == "min" else -1.0 for mode in goals.values()])
    costs = (means[None] + draws) * signs  # (draws, trials, metrics)
    no_worse = (costs[:, :, None] <= costs[:, None, :]).all(axis=3)
    better = (costs[:, :, None] < costs[:, None, :]).any(axis=3)
    dominated = (no_worse & better).any(axis=1)
    return dict(zip(numbers, (1.0 - dominated.mean(axis=0)).tolist(), strict=True))


def _draws(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations of the means from the true ones, (draws, trials, metrics)."""
    trials, seeds, metrics = table.shape
    left = table - table.mean(axis=1, keepdims=True)
    freedom = trials * (seeds - 1)
    flat = left.reshape(-1, metrics)
    covariance = flat.T @ flat / freedom / seeds
    random = np.random.default_rng(0)
    normal = random.multivariate_normal(
        np.zeros(metrics), covariance, size=(_DRAWS, trials), method="svd"
    )
    scale = np.sqrt(freedom / random.chisquare(freedom, size=_DRAWS))
    found: NDArray[np.float64] = normal * scale[:, None, None]
    return found
