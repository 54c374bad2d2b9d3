"""Reports a slot's progress to the board, from a thread, so that training never waits for it."""

from __future__ import annotations

import socket
from functools import partial

from trainables.board.board_client import BoardClient
from trainables.board.job import Job
from trainables.core.background import logged
from trainables.core.progress import Phases, Progress
from trainables.core.ticker import Ticker
from trainables.training import slow_precision

EVERY = 2.0
"""Seconds between two messages to the board."""

_Message = tuple[str, Phases, tuple[str, ...]]
"""A job, its progress, and the slot's remarks."""


class BoardProgress:
    """The progress of rank 0 of a slot, reported to the board while the context is open.

    `progress` belongs to the job taken last. `gpu` is whether the slot runs on one.
    """

    def __init__(self, board: BoardClient, gpu: bool, every: float = EVERY) -> None:
        self.progress = Progress(self._at, self._remark)
        self._board = board
        self._gpu = gpu
        self._job: str | None = None
        self._asked: set[slow_precision.Asked] = set()
        self._remarks: tuple[str, ...] = ()
        self._latest: dict[str, _Message] = {}
        self._told: dict[str, _Message] = {}
        loss = "progress of this slot is not reported"
        self._ticker = Ticker(self.tell, every, "progress", loss, logged)

    def __enter__(self) -> BoardProgress:
        self._ticker.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._ticker.__exit__(*error)

    def takes(self, job: Job) -> None:
        """The slot begins a job; slow precision is checked for once."""
        self._latest, self._job = {}, job.trial_id
        self._look(job)
        self._at(())

    def lane(self, job: Job) -> Progress:
        """The progress of a job in a lane, beside others, until `left`. What the slot does before
        the first of them trains is done for the job taken last."""
        self._look(job)
        return Progress(partial(self._in_lane, job.trial_id))

    def left(self, job: Job) -> None:
        """A job has left its lane."""
        self._latest = {key: each for key, each in self._latest.items() if key != job.trial_id}

    def _look(self, job: Job) -> None:
        new = [each for each in slow_precision.asked(job.config) if each not in self._asked]
        self._asked.update(new)
        place = f"the CPU of {socket.gethostname()}"
        self._remarks += tuple(slow_precision.remarks(new, place, self._gpu))

    def tell(self) -> None:
        """Send any change to the board, without waiting for an answer."""
        latest = self._latest
        for job, message in latest.items():
            if message != self._told.get(job):
                self._board.send_at(*message)
        self._told = latest

    def _remark(self, text: str) -> None:
        if text not in self._remarks:
            self._remarks += (text,)

    def _at(self, phases: Phases) -> None:
        if self._job is not None:
            self._note(self._job, phases)

    def _in_lane(self, job: str, phases: Phases) -> None:
        self._job = None
        self._note(job, phases)

    def _note(self, job: str, phases: Phases) -> None:
        # A new mapping, since the thread may be reading the old one.
        self._latest = {**self._latest, job: (job, phases, self._remarks)}
