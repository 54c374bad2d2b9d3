"""Training of several trials in lanes, as in the product, and its time."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.gpu.course import Load, config_of
from benchmarks.lanes.course import timed
from trainables.config.trial import TrialConfig
from trainables.lanes.limits import FoundLimits
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
    configs = [load.config(seed) for seed in range(load.lanes)]
    return 1000 * timed(workshop, configs, found).seconds_per_step()
