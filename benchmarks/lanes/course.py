"""Trials in lanes, as in the product, and the time of their steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.gpu.stopwatch import WARM_UP, Stopwatch
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor, Outcome
from trainables.lanes.lane import Entry
from trainables.lanes.limits import FoundLimits
from trainables.lanes.loop import Lanes
from trainables.training.checkpoints import NO_CHECKPOINTS
from trainables.training.workshop import Workshop


def in_lanes(
    workshop: Workshop,
    configs: Sequence[TrialConfig],
    monitors: Sequence[Monitor],
    found: FoundLimits | None = None,
    kind: type[Lanes] = Lanes,
) -> None:
    """Train all side by side, or as many at a time as `found` says; raises what a trial raises."""
    entries = deque(
        Entry(config, monitor, NO_CHECKPOINTS, _ended, _raise, _raise)
        for config, monitor in zip(configs, monitors, strict=True)
    )
    first = entries.popleft()
    kind(workshop, len(configs), found).run(first, lambda: entries.popleft() if entries else None)


def timed(
    workshop: Workshop, configs: Sequence[TrialConfig], found: FoundLimits | None = None
) -> Stopwatch:
    """The times of the first trial's steps, in each of which all others make one, too: `found`, if
    given, has to know at least as many lanes."""
    steps = configs[0].budget.steps
    assert steps is not None, "the trials of a benchmark are counted in steps"
    # The last step's evaluation, of all lanes together, comes before its time is taken.
    watches = [Stopwatch(steps - 1) for _ in configs]
    in_lanes(workshop, configs, watches, found)
    del watches[0].times[steps - 1 :]
    return watches[0]


def step_seconds(watch: Stopwatch) -> list[float]:
    """The seconds of each step but the first, which are slow."""
    return [after - before for before, after in pairwise(watch.times[WARM_UP - 1 :])]


def _ended(outcome: Outcome) -> None:
    if outcome.error:
        raise RuntimeError(outcome.error)


def _raise(error: Exception | str | None) -> None:
    raise error if isinstance(error, Exception) else RuntimeError(error or "out of memory")
