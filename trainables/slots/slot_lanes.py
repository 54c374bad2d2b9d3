"""The lanes of a slot: trials from the board side by side, each reported apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from trainables.board.board_client import BoardClient
from trainables.board.job import Job, JobKind
from trainables.core.evaluation import Ending, Outcome
from trainables.core.progress import STEP, Gauge
from trainables.lanes.kind import kind_of, suits
from trainables.lanes.limits import FoundLimits
from trainables.slots.board_monitor import BoardMonitor
from trainables.slots.board_progress import BoardProgress
from trainables.slots.failures import failed
from trainables.slots.slot_setup import SlotSetup
from trainables.slots.slot_storage import SlotStorage
from trainables.slots.uploads import Uploads
from trainables.training.checkpoints import Checkpoints
from trainables.training.inputs import Inputs
from trainables.training.memory import Memory
from trainables.training.watchdog import Watchdog

if TYPE_CHECKING:
    from trainables.lanes.lane import Entry
    from trainables.training.workshop import Workshop

_PAUSE = 0.1
"""Seconds between two questions to a board that has no trial for a free lane."""


@dataclass(frozen=True)
class LaneSource:
    """At most `most` lanes, or as many as `found` says; `take` gives a trial of a kind for a free
    one, if one waits."""

    most: int
    take: Callable[[Hashable], Job | None]
    found: FoundLimits | None = None

    @classmethod
    def of(cls, setup: SlotSetup, take: Callable[[Hashable], Job | None]) -> LaneSource | None:
        """As the slot is set up; None if it has one lane, which needs none."""
        lanes, board = setup.lanes, setup.board
        if lanes == 1 or setup.size.workers > 1:
            return None
        if isinstance(lanes, int):
            return cls(lanes, take)
        ask, tell = partial(board.lane_limits, setup.name), partial(board.limit_lanes, setup.name)
        return cls(lanes.most, take, FoundLimits(lanes, ask, tell))


def takes(job: Job, inputs: Inputs | None) -> bool:
    """Whether lanes can take a job, as far as is known without the model."""
    return job.kind is JobKind.TRAIN and inputs is not None and suits(job.config, inputs)


class SlotLanes:
    """Trains a job and further ones of its kind, until no lane is left."""

    def __init__(
        self,
        board: BoardClient,
        told: BoardProgress,
        watchdog: Watchdog,
        storage: SlotStorage | None,
        begun: Callable[[Job, Uploads, Workshop], tuple[BoardMonitor, Checkpoints]],
        source: LaneSource,
        memory: Memory,
    ) -> None:
        self.board, self.told, self.watchdog, self.storage = board, told, watchdog, storage
        self.begun = begun
        self._source = source
        self._memory = memory
        self._full = False
        self._asked = 0.0
        self.loading: Callable[[], float] = lambda: 0.0

    def train(self, job: Job, workshop: Workshop) -> bool:
        """Train the job and others; False if its adapter cannot share this base after all."""
        from trainables.lanes.loop import Lanes

        first = _LaneJob(self, job, workshop, first=True)
        before = workshop.loading_seconds
        self.loading = lambda: workshop.loading_seconds - before
        kind, self._full = kind_of(job.config), job.alone
        lanes = Lanes(workshop, self._source.most, None if job.alone else self._source.found)
        lanes.run(first.entry(), lambda: self._next(kind, workshop))
        return not first.unfit

    def ended(self) -> None:
        """A lane has lost its trial. Once the process has grown too large, it takes no more."""
        self._full = self._full or self._memory.outgrown()
        self._asked = 0.0

    def _next(self, kind: Hashable, workshop: Workshop) -> Entry | None:
        if self._full or time.monotonic() - self._asked < _PAUSE:
            return None
        job = self._source.take(kind)
        if job is None:
            self._asked = time.monotonic()
            return None
        if self.storage:
            job = replace(job, folder=self.storage.local(job.folder))
        try:
            return _LaneJob(self, job, workshop).entry()
        except Exception as error:  # noqa: BLE001 - its fork's; those in the other lanes go on
            self.board.ended(job.trial_id, failed(self.board, job, error, self.storage))
            return None


class _LaneJob:
    """One job in a lane, with its own uploads, checkpoints and reports."""

    def __init__(self, lanes: SlotLanes, job: Job, workshop: Workshop, first: bool = False) -> None:
        self.unfit = False
        self._lanes = lanes
        self._job = job
        self._first = first
        self._uploads = Uploads()
        self._monitor, self._checkpoints = lanes.begun(job, self._uploads, workshop)
        self._progress = lanes.told.lane(job)
        self._open = ExitStack()

    def entry(self) -> Entry:
        """The job as the lanes see it."""
        from trainables.lanes.lane import Entry

        return Entry(
            self._job.config,
            self._monitor,
            self._checkpoints,
            self._end,
            self._fail,
            self._go_alone,
            self._gauge,
        )

    def _gauge(self, steps: int) -> Gauge:
        return self._open.enter_context(self._progress.phase("training", steps, STEP))

    def _end(self, outcome: Outcome) -> None:
        if self._first:  # the base was loaded for it, if it was not there
            loading = self._lanes.loading()
            outcome = replace(outcome, cost=replace(outcome.cost, loading_seconds=loading))
        if outcome.ending is not Ending.SUSPENDED:
            self._checkpoints.give_up()
        try:
            with self._uploads:
                pass  # waits for all
        except Exception as error:  # noqa: BLE001 - any error in a trial is told as its outcome
            outcome = self._failed(error)
        self._leave()
        self._lanes.board.ended(self._job.trial_id, outcome)

    def _fail(self, error: Exception) -> None:
        outcome = self._failed(error)
        self._close()
        if isinstance(error, torch.AcceleratorError):
            self._lanes.board.fault(self._job.trial_id, outcome)
            return  # the slot restarts
        self._lanes.board.ended(self._job.trial_id, outcome)

    def _failed(self, error: Exception) -> Outcome:
        return failed(self._lanes.board, self._job, error, self._lanes.storage)

    def _go_alone(self, why: str | None) -> None:
        self._close()
        if self._first and why is not None:
            self.unfit = True
        else:
            self._lanes.board.send_back(self._job.trial_id)

    def _close(self) -> None:
        self._checkpoints.give_up()
        with suppress(Exception):  # another error has ended the trial already
            self._uploads.__exit__(None, None, None)
        self._leave()

    def _leave(self) -> None:
        self._open.close()
        # The first one's folder goes with the next job: the watchdog writes there.
        if self._lanes.storage and not self._first:
            self._lanes.storage.drop(self._job.folder)
        self._lanes.told.left(self._job)
        self._lanes.ended()
