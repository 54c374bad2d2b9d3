"""Training of several trials in lanes, as in the product, and its time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from benchmarks.gpu.course import Load, config_of
from benchmarks.gpu.stopwatch import Stopwatch
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Outcome
from trainables.lanes.lane import Entry
from trainables.lanes.limits import FoundLimits
from trainables.lanes.loop import Lanes
from trainables.training.checkpoints import NO_CHECKPOINTS
from trainables.training.workshop import Workshop

STEPS = 16


@dataclass(frozen=True)
class LaneLoad:
    """So many lanes with micro-batches of `rows` sequences of one length, in bf16."""

    method: str
    lanes: int
    rows: int
    length: int

    @property
    def tokens(self) -> int:
        """Those of all lanes' steps together."""
        return self.lanes * self.rows * self.length

    def config(self, seed: int, **params: object) -> TrialConfig:
        """The trial of a lane: rank 16 on all linear layers."""
        load = Load(self.rows, self.length, STEPS)
        fixed = {"method": self.method, "precision": "bf16", "lora__rank": 16, "seed": seed}
        return config_of(load, **fixed, **params)


def milliseconds(workshop: Workshop, load: LaneLoad, found: FoundLimits | None = None) -> float:
    """Milliseconds in which each lane makes a step; `found` finds the number of lanes to take, or
    knows it, and has to know at least as many as the load has."""
    # The last step's evaluation, of all lanes together, comes before its time is taken.
    watches = [Stopwatch(STEPS - 1) for _ in range(load.lanes)]
    entries = deque(
        Entry(load.config(seed), watch, NO_CHECKPOINTS, _ended, _raise, _raise)
        for seed, watch in enumerate(watches)
    )
    first = entries.popleft()
    Lanes(workshop, load.lanes, found).run(first, lambda: entries.popleft() if entries else None)
    del watches[0].times[STEPS - 1 :]
    return 1000 * watches[0].seconds_per_step()


def _ended(outcome: Outcome) -> None:
    if outcome.error:
        raise RuntimeError(outcome.error)


def _raise(error: Exception | str | None) -> None:
    raise error if isinstance(error, Exception) else RuntimeError(error or "out of memory")
