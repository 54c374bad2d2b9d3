"""What no other point beats in everything: non-dominated sorting. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from results.record import Mode

Point = Sequence[float]
"""A value for each metric, in the order of the modes."""


def dominates(one: Point, other: Point, modes: Sequence[Mode]) -> bool:
    """Whether `one` is nowhere worse than `other`, and somewhere better."""
    mine, theirs = _costs(one, modes), _costs(other, modes)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def layers(points: Sequence[Point], modes: Sequence[Mode]) -> list[list[int]]:
    """The places of the Pareto front's points, then of the front of all others, and so on.

    Points with a value that is no finite number are in no layer; equal points are in the same one.
    Each layer is ordered by its values, the first metric's best coming first.

    Sequential search of Zhang et al. 2015, "An Efficient Approach to Nondominated Sorting": in
    lexicographic order no point dominates an earlier one, so it is compared with those only.
    """
    found: list[list[int]] = []
    finite = [place for place, point in enumerate(points) if all(map(math.isfinite, point))]
    for place in sorted(finite, key=lambda place: _costs(points[place], modes)):
        for layer in found:
            if not any(dominates(points[other], points[place], modes) for other in layer):
                layer.append(place)
                break
        else:
            found.append([place])
    return found


def _costs(point: Point, modes: Sequence[Mode]) -> tuple[float, ...]:
    """The point as something of which less is better."""
    return tuple(v if mode == "min" else -v for v, mode in zip(point, modes, strict=True))
