"""How many lanes a slot takes. Light: the board holds it, and imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

MOST = 16
"""Lanes that `slots.lanes: auto` takes at most."""

_LEAST_PASSES = 500
"""Expected passes from which a slot tries more lanes: a trial of two takes as long as 15 passes of
one (10 passes, half of them of two lanes), so at most 3% of them."""


@dataclass(frozen=True)
class AutoLanes:
    """How a slot finds its number of lanes, one of up to `most`.

    `worths[n - 1]` is what a trial is worth to the search with n lanes in each slot, against one;
    `trials` are those that the slot will train, if all slots train equally many, and `trained` the
    share of their budgets that early stopping is expected to leave.
    """

    worths: tuple[float, ...]
    trials: int
    trained: float = 1.0

    @property
    def most(self) -> int:
        """The most lanes that it may take."""
        return len(self.worths)

    def worth(self, lanes: int) -> float:
        """What a trial is worth with so many lanes."""
        return self.worths[lanes - 1]

    def why_untried(self, passes: int) -> str:
        """Why no more than one is tried, if a trial takes so many passes; empty if trying costs
        little."""
        if self.most == 1:
            return "a slot has a single trial"
        expected = round(passes * self.trials * self.trained)
        few = f"{expected} passes expected of all trials of a slot are fewer than {_LEAST_PASSES}"
        return few if expected < _LEAST_PASSES else ""


@dataclass(frozen=True)
class LaneLimits:
    """So many lanes `fit` into memory, and up to `pay` of them bring a search further in a second.

    `tokens` are those of a pass, padding included, beyond which they do not; None if unknown.
    A pass over all lanes that pay does `gain` times the tokens a second of a pass over one.
    `untried` is why no more than one was tried, if so.
    """

    fit: int
    pay: int
    tokens: int | None = None
    gain: float | None = None
    untried: str = ""

    @property
    def lanes(self) -> int:
        """The number of lanes to take."""
        return max(1, min(self.fit, self.pay))


class FoundLimits:
    """The limits of each kind of trial, measured at the first of them.

    `ask` gives those on record for the name of a kind; `tell` puts some on record, and gives those
    that are there then: another slot may have been first.
    """

    def __init__(
        self,
        auto: AutoLanes,
        ask: Callable[[str], LaneLimits | None],
        tell: Callable[[str, LaneLimits], LaneLimits],
    ) -> None:
        self.auto = auto
        self._ask = ask
        self._tell = tell

    def of(self, kind: Hashable, passes: int, measure: Callable[[], LaneLimits]) -> LaneLimits:
        """Those of a kind whose trial takes so many passes; one lane if trying more would take a
        large part of them."""
        name, untried = str(kind), self.auto.why_untried(passes)
        known = self._ask(name)
        if known is not None and (untried or not known.untried):
            return known
        return self._tell(name, LaneLimits(1, 1, untried=untried) if untried else measure())
