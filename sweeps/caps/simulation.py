"""A sweep played through in advance: its own rule for early stopping, on typical curves. Pure but
for Ray Tune's schedulers, which need no Ray."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings
from trainables.core.evaluation import Evaluation

_START, _END, _SPREAD = 4.0, 2.0, 0.3
"""A typical loss: at the beginning, at the end, and the spread of the ends of trials."""

_NOISE = 0.01
"""Spread of two evaluations of one model."""


@dataclass(frozen=True)
class Played:
    """The seconds that all trials took together, and those on the clock."""

    busy: float
    clock: float


@dataclass(frozen=True)
class _Trial:
    """A trial in play; schedulers read `trial_id`."""

    trial_id: str
    seconds: float
    end: float
    power: float

    def loss(self, share: float, noise: float) -> float:
        """A power law of the trained share, from the start to its end."""
        left: float = (1.0 + 20.0 * share) ** -self.power
        return self.end + (_START - self.end) * left + noise


class _NoController:
    """Of Tune's controller, what a scheduler reads: no trial is paused."""

    def get_live_trials(self) -> Sequence[object]:
        return ()


def play(
    search: SearchSettings, evaluations: int, seconds: Sequence[float], slots: int, seed: int
) -> Played:
    """Trials of these whole lengths, in this order, in `slots` slots."""
    rng = random.Random(seed)
    scheduler, controller = make_scheduler(search, evaluations), _NoController()
    sign = 1.0 if search.direction == "min" else -1.0
    waiting = [
        _Trial(str(number), each, rng.gauss(_END, _SPREAD), rng.uniform(0.3, 1.0))
        for number, each in enumerate(seconds)
    ]
    waiting.reverse()
    events: list[tuple[float, int, int, _Trial]] = []
    seen: dict[str, list[Evaluation]] = {}
    now = busy = 0.0

    def begin() -> None:
        if waiting:
            trial = waiting.pop()
            scheduler.on_trial_add(controller, trial)
            heapq.heappush(
                events, (now + trial.seconds / evaluations, rng.randrange(2**31), 1, trial)
            )

    for _ in range(slots):
        begin()
    while events:
        now, order, point, trial = heapq.heappop(events)
        busy += trial.seconds / evaluations
        value = sign * trial.loss(point / evaluations, rng.gauss(0.0, _NOISE))
        result = {"point": point, search.metric: value}
        measured = seen.setdefault(trial.trial_id, [])
        measured.append(Evaluation(point, point, {search.metric: value}))
        patient = search.patience is None or not search.patience.is_over(measured)
        if point == evaluations or not patient:
            scheduler.on_trial_complete(controller, trial, result)
            begin()
        elif scheduler.on_trial_result(controller, trial, result) == scheduler.STOP:
            begin()
        else:
            later = now + trial.seconds / evaluations
            heapq.heappush(events, (later, order, point + 1, trial))
    return Played(busy, now)
