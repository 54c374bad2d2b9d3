"""The number of lanes that a slot finds for a search that does not learn."""

from __future__ import annotations

from trainables.lanes.limits import AutoLanes, FoundLimits, LaneLimits

_TRIALS = 10**6
"""Many, so that it looks for the number however short they are."""


class Found:
    """`limits` finds the number, up to `most`; `first` is what it has found."""

    def __init__(self, most: int) -> None:
        self._known: dict[str, LaneLimits] = {}
        auto = AutoLanes((1.0,) * most, _TRIALS)
        self.limits = FoundLimits(auto, self._known.get, self._known.setdefault)

    @property
    def first(self) -> LaneLimits:
        """Of the first kind of trial."""
        return next(iter(self._known.values()))
