"""Slots that are up: waited for before the first trial, and asked for a free lane."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeps.base.view import View
from sweeps.caps.expected import share_trained
from sweeps.search.at_once import worths
from sweeps.search.lanes import lanes_of, most_lanes
from sweeps.spec.spec import SweepSpec
from trainables.lanes.limits import AutoLanes

if TYPE_CHECKING:
    from sweeps.books.recorder import Recorder
    from sweeps.cluster.slots import Slots
    from trainables.board.board_client import BoardClient


@dataclass(frozen=True)
class SlotRoom:
    """The lanes of `count` slots, so many in each or as many as it finds. All start at once, unless
    they `grow` with a cluster."""

    count: int
    lanes: int | AutoLanes
    grow: bool

    @classmethod
    def of(cls, spec: SweepSpec, count: int) -> SlotRoom:
        """Those of a sweep."""
        return cls(count, _lanes_for(spec, count), spec.slots.max is not None)

    def __str__(self) -> str:
        return f"{'up to ' if self.grow else ''}{self.count} slot{'s' if self.count > 1 else ''}"

    @property
    def most(self) -> int:
        """The most trials that all slots may train at once."""
        return self.count * (self.lanes if isinstance(self.lanes, int) else self.lanes.most)

    def at_once(self, board: BoardClient) -> int:
        """The number of trials to have under way. Before the first slot is up, its trials may wait;
        of slots that have not found their lanes yet, each has one."""
        first = 1 if self.grow else self.count
        if isinstance(self.lanes, AutoLanes):
            return max(first, board.lanes())
        return max(first, board.alive() if self.grow else 0) * self.lanes

    def is_free(self, board: BoardClient, recorder: Recorder) -> bool:
        """Whether a running slot has a free lane."""
        import ray

        if isinstance(self.lanes, int) and not self.grow:
            return True  # Tune has at most one trial for each lane
        try:
            return recorder.under_way() < self.at_once(board)
        except ray.exceptions.RayActorError:
            return False  # the clients of running trials notice, too


def _lanes_for(spec: SweepSpec, count: int) -> int | AutoLanes:
    lanes = lanes_of(spec)
    if lanes != "auto":
        return lanes
    trials = math.ceil(spec.trials / count)
    most = min(most_lanes(spec), trials)
    worth = worths(spec.search.sampler_kind, count, most)
    return AutoLanes(worth, trials, share_trained(spec, count))


def wait_for_slots(
    fewest: int, board: BoardClient, slots: Slots, view: View, check: Callable[[], object]
) -> None:
    """Wait until the `fewest` slots are up; `check` raises what ends the wait."""
    if fewest > 1:
        view.phase(f"Waiting for {fewest} slots")
    while board.alive() < fewest and slots.lost() is None:
        check()
        slots.refuse_if_fewer(fewest)
        time.sleep(0.5)
