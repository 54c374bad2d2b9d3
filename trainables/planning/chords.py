"""A function that is dear to compute, known by straight lines between few of its points. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

CLOSE = 0.01
"""Share by which a line may miss the function halfway."""

_DEPTH = 3
"""Times that a range is halved at most: the function is computed at 9 points then."""


class Chords(Generic[T]):
    """`measure` between `low` and `high`, each at least 1: measured at the ends and halfway (of
    logarithms), and on both sides of that as long as the line between the ends misses it.

    The peak of a pass is the largest of many sums that grow as straight lines, so it is convex, and
    lines between its points are never below it. `between` mixes two values by a share, and `size`
    is what of a value must be met.
    """

    def __init__(
        self,
        measure: Callable[[int], T],
        low: int,
        high: int,
        between: Callable[[T, T, float], T],
        size: Callable[[T], float],
    ) -> None:
        self._measure, self._between, self._size = measure, between, size
        self._values = {place: measure(place) for place in dict.fromkeys((low, high))}
        self._places = sorted(self._values)
        self._halve(low, high, _DEPTH)

    def at(self, place: int) -> T:
        """The value there; measured if it is outside of the range."""
        if place in self._values:
            return self._values[place]
        after = bisect_left(self._places, place)
        if not 0 < after < len(self._places):
            return self._measure(place)
        return self._line(self._places[after - 1], self._places[after], place)

    def _line(self, low: int, high: int, place: int) -> T:
        share = (place - low) / (high - low)
        return self._between(self._values[low], self._values[high], share)

    def _halve(self, low: int, high: int, depth: int) -> None:
        half = round(math.sqrt(low * high))
        if depth == 0 or not low < half < high:
            return
        guess = self._size(self._line(low, high, half))
        self._values[half] = self._measure(half)
        insort(self._places, half)
        if abs(guess - self._size(self._values[half])) > CLOSE * guess:
            self._halve(low, half, depth - 1)
            self._halve(half, high, depth - 1)


def most_within(function: Callable[[int], float], low: int, high: int, room: float) -> int:
    """The largest number from `low` to `high` at which a growing function is at most `room`; 0 if
    there is none."""
    if function(low) > room:
        return 0
    while low < high:
        half = (low + high + 1) // 2
        low, high = (half, high) if function(half) <= room else (low, half - 1)
    return low
