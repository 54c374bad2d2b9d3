"""Watches a trial in a slot for the board."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from pathlib import Path

from trainables.board.board_client import BoardClient
from trainables.board.job import ANSWERS, LOSSES, WEIGHTS, Job
from trainables.core.evaluation import Ending, Evaluation, Monitor, Verdict
from trainables.slots.slot_storage import SlotStorage
from trainables.slots.uploads import Uploads
from trainables.training.watchdog import Watchdog


class BoardMonitor(Monitor):
    """Passes a trial's evaluations to the board, and the board's rulings back.

    `evaluations` are all of the trial so far.
    """

    def __init__(
        self,
        board: BoardClient,
        job: Job,
        watchdog: Watchdog,
        storage: SlotStorage | None,
        uploads: Uploads,
    ) -> None:
        self._board = board
        self._storage = storage
        self._uploads = uploads
        self._uploaded: list[Future[None]] = []
        self._job = job
        self.evaluations = list(job.seen)
        self._watchdog = watchdog
        # One call that stays open: checking whether it has returned takes microseconds per step.
        self._wish = board.send_wish(job.trial_id)

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Report an evaluation to the board."""
        self._watchdog.alive()
        if all(each.point < evaluation.point for each in self.evaluations):
            self.evaluations.append(evaluation)
        reply = self._board.evaluated(self._job.trial_id, evaluation)
        folder = self._job.folder
        if reply.may_win or reply.is_best or self._job.config.evaluation.metrics:
            self._wait_for_uploads()  # the files being uploaded are about to be rewritten
        return Verdict(
            go_on=reply.go_on,
            weights=folder / WEIGHTS if reply.may_win else None,
            losses=folder / LOSSES if reply.is_best else None,
            answers=folder / ANSWERS,
        )

    def wants_whole(self, evaluation: Evaluation) -> bool:
        """Ask the board, which knows the other trials."""
        self._watchdog.alive()
        return self._board.wants_whole(self._job.trial_id, evaluation)

    def heard(self) -> int:
        """The number of evaluations on the board when the slot took the trial."""
        return len(self._job.seen)

    def written(self, path: Path) -> None:
        """Upload it for the head."""
        if self._storage:
            self._uploaded.append(self._uploads.put(partial(self._storage.push, path)))

    def _wait_for_uploads(self) -> None:
        while self._uploaded:
            self._uploaded.pop(0).result()
        self._watchdog.alive()

    def asked_to_end(self) -> Ending | None:
        """Whether the trial was cancelled or is to be laid aside; raises an upload's error."""
        if self._uploaded and self._uploaded[0].done():
            self._uploaded.pop(0).result()
        return self._wish.get() if self._wish.has_come() else None
