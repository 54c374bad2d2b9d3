"""A sweep played through in advance: its own rule for early stopping, on typical curves. Pure but
for Ray Tune's schedulers, which need no Ray."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings
from trainables.core.evaluation import Evaluation

_START, _END, _SPREAD = 4.0, 2.0, 0.3
"""A typical loss: at the beginning, at the end, and the spread of the ends of trials."""

_LATE = 0.1
"""The spread of the ends of trials that begin alike, in that of all."""

_NOISE = 0.01
"""Spread of two evaluations of one model."""


@dataclass(frozen=True)
class Planned:
    """A trial to play: the seconds of the whole of it, of which it takes over the share `shared`
    from the trial at the place `parent` of its family."""

    seconds: float
    shared: float = 0.0
    parent: int = 0

    @property
    def own(self) -> float:
        """The seconds without those that it takes over."""
        return self.seconds * (1.0 - self.shared)


Family = tuple[Planned, ...]
"""Trials that begin alike, the trunk first; a single one without forks."""


@dataclass(frozen=True)
class Played:
    """The seconds that all trials took together, and those on the clock; and those that forks
    saved, of the trials that began at one."""

    busy: float
    clock: float
    saved: float


@dataclass(eq=False)
class _Trial:
    """A trial in play. `share` is what it has had of its budget."""

    number: int
    planned: Planned
    parent: _Trial | None
    end: float
    power: float
    share: float = 0.0
    over: bool = False
    seen: list[Evaluation] = field(default_factory=list)

    @property
    def trial_id(self) -> str:
        """Its name, as schedulers read it."""
        return str(self.number)

    @property
    def config(self) -> dict[str, object]:
        """Its number, as schedulers read it."""
        return {"trial": self.number}

    def loss(self, share: float, noise: float) -> float:
        """A power law of the trained share, from the start to its end."""
        left: float = (1.0 + 20.0 * share) ** -self.power
        return self.end + (_START - self.end) * left + noise

    def waits(self) -> bool:
        """Whether the trial that it begins like is on the way to where they part."""
        parent = self.parent
        return parent is not None and not parent.over and parent.share < self.planned.shared

    def dropped(self) -> bool:
        """Whether that trial was stopped before."""
        parent = self.parent
        return parent is not None and parent.over and parent.share < self.planned.shared


class _NoController:
    """Of Tune's controller, what a scheduler reads: no trial is paused."""

    def get_live_trials(self) -> Sequence[object]:
        return ()


def play(
    search: SearchSettings, evaluations: int, families: Sequence[Family], slots: int, seed: int
) -> Played:
    """The trials of these families, in this order, in `slots` slots."""
    return _Play(search, evaluations, families, seed).through(slots)


class _Play:
    """The sweep under way: trials in slots, and those waiting for one, in order."""

    def __init__(
        self, search: SearchSettings, evaluations: int, families: Sequence[Family], seed: int
    ) -> None:
        self._search, self._evaluations = search, evaluations
        self._rng = random.Random(seed)
        self._scheduler, self._controller = make_scheduler(search, evaluations), _NoController()
        self._sign = 1.0 if search.direction == "min" else -1.0
        self._waiting: list[_Trial] = []
        for each in families:
            self._waiting += self._trials(each)
        self._events: list[tuple[float, int, int, _Trial]] = []
        self._now = self._busy = self._saved = 0.0

    def through(self, slots: int) -> Played:
        """The whole of it."""
        self._begin(slots)
        while self._events:
            self._now, order, point, trial = heapq.heappop(self._events)
            self._busy += self._span(trial, point)
            trial.share = point / self._evaluations
            if self._goes_on(trial, point):
                self._push(trial, point + 1, order)
            else:
                trial.over = True
            self._begin(slots)
        return Played(self._busy, self._now, self._saved)

    def _trials(self, family: Family) -> list[_Trial]:
        made: list[_Trial] = []
        for planned in family:
            if planned.shared:
                parent: _Trial | None = made[planned.parent]
                end = self._rng.gauss(made[planned.parent].end, _LATE * _SPREAD)
                power = made[planned.parent].power
            else:
                parent = None
                end, power = self._rng.gauss(_END, _SPREAD), self._rng.uniform(0.3, 1.0)
            made.append(_Trial(len(self._waiting) + len(made), planned, parent, end, power))
        return made

    def _begin(self, slots: int) -> None:
        """Fill the slots with the first trials that do not wait for others."""
        while len(self._events) < slots and self._waiting:
            place = next((n for n, each in enumerate(self._waiting) if not each.waits()), None)
            if place is None:
                return
            trial = self._waiting.pop(place)
            if trial.dropped():
                trial.over = True
                continue
            trial.share = trial.planned.shared
            self._saved += trial.planned.seconds - trial.planned.own
            self._scheduler.on_trial_add(self._controller, trial)
            first = min(self._evaluations, math.floor(trial.share * self._evaluations) + 1)
            self._push(trial, first, self._rng.randrange(2**31))

    def _push(self, trial: _Trial, point: int, order: int) -> None:
        heapq.heappush(self._events, (self._now + self._span(trial, point), order, point, trial))

    def _span(self, trial: _Trial, point: int) -> float:
        """The seconds until a trial's next point."""
        return (point / self._evaluations - trial.share) * trial.planned.seconds

    def _goes_on(self, trial: _Trial, point: int) -> bool:
        value = self._sign * trial.loss(trial.share, self._rng.gauss(0.0, _NOISE))
        result = {"point": point, self._search.metric: value}
        trial.seen.append(Evaluation(point, point, {self._search.metric: value}))
        patience = self._search.patience
        if point == self._evaluations or (patience is not None and patience.is_over(trial.seen)):
            self._scheduler.on_trial_complete(self._controller, trial, result)
            return False
        verdict = self._scheduler.on_trial_result(self._controller, trial, result)
        return bool(verdict == self._scheduler.CONTINUE)
