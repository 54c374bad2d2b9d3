"""How many lanes a slot takes. Light: the board holds it, and imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

MOST = 16
"""Lanes that `slots.lanes: auto` takes at most."""


@dataclass(frozen=True)
class LaneLimits:
    """So many lanes `fit` into memory, and up to `pay` of them a pass does more tokens a second.

    `tokens` are those of a pass, padding included, beyond which it does not; None if unknown.
    A pass over all lanes that pay does `gain` times the tokens a second of a pass over one.
    """

    fit: int
    pay: int
    tokens: int | None = None
    gain: float | None = None

    @property
    def lanes(self) -> int:
        """The number of lanes to take."""
        return max(1, min(self.fit, self.pay))


class FoundLimits:
    """The limits of each kind of trial, measured at the first of them; `tell` hears of the
    current ones."""

    def __init__(self, tell: Callable[[LaneLimits], None]) -> None:
        self._tell = tell
        self._known: dict[Hashable, LaneLimits] = {}

    def of(self, kind: Hashable, measure: Callable[[], LaneLimits]) -> LaneLimits:
        """Those of a kind."""
        if kind not in self._known:
            self._known[kind] = measure()
        self._tell(self._known[kind])
        return self._known[kind]
