"""The number of lanes that a slot finds."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.lanes.limits import AutoLanes, FoundLimits, LaneLimits

_TRIALS = 10**6
"""Many, so that it looks for the number however short they are."""


class Found:
    """`limits` finds the number, one of up to `most`; `first` is what it has found. `worths` are
    those of a trial to the search, by default of one that does not learn."""

    def __init__(self, most: int, worths: Sequence[float] | None = None) -> None:
        self._known: dict[str, LaneLimits] = {}
        auto = AutoLanes(tuple(worths or [1.0] * most), _TRIALS)
        self.limits = FoundLimits(auto, self._known.get, self._known.setdefault)

    @property
    def first(self) -> LaneLimits:
        """Of the first kind of trial."""
        return next(iter(self._known.values()))
