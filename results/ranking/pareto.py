"""Non-dominated sorting of points. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from results.records.record import Mode

Point = Sequence[float]
"""A value for each metric, in the order of the modes."""


def dominates(one: Point, other: Point, modes: Sequence[Mode]) -> bool:
    """Whether `one` is nowhere worse than `other`, and somewhere better."""
    return _beats(_costs(one, modes), _costs(other, modes))


def layers(points: Sequence[Point], modes: Sequence[Mode]) -> Iterator[list[int]]:
    """The indices of the Pareto front's points, then of the front of all others, and so on.

    Points with a non-finite value are in no layer; equal points are in the same one. Each layer is
    ordered by its values, the first metric's best first.

    In lexicographic order no point dominates an earlier one, so each is compared only with earlier
    points of the layer (Zhang et al. 2015, "An Efficient Approach to Nondominated Sorting"). Layers
    are found lazily.
    """
    finite = (place for place, point in enumerate(points) if all(map(math.isfinite, point)))
    costs = {place: _costs(points[place], modes) for place in finite}
    left = sorted(costs, key=lambda place: costs[place])
    while left:
        layer: list[int] = []
        rest: list[int] = []
        for place in left:
            beaten = any(_beats(costs[other], costs[place]) for other in layer)
            (rest if beaten else layer).append(place)
        yield layer
        left = rest


def _costs(point: Point, modes: Sequence[Mode]) -> tuple[float, ...]:
    """The point as costs: smaller is better."""
    return tuple(v if mode == "min" else -v for v, mode in zip(point, modes, strict=True))


def _beats(mine: tuple[float, ...], theirs: tuple[float, ...]) -> bool:
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))
