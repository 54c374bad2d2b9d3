"""The forks of a trial in a slot: the one that it begins at, and those that it writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trainables.board.board_client import BoardClient
from trainables.board.job import ANSWERS, CHECKPOINTS, LOSSES, WEIGHTS, Forking, Job
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.core.evaluation import Evaluation
from trainables.training.checkpoints import PREFIX, Checkpoints
from trainables.training.forks.forking import ForkingCheckpoints
from trainables.training.forks.forks import Forks
from trainables.training.forks.tape import Tape

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


class SlotForks:
    """Those of one job, in checkpoints of this `layout`."""

    def __init__(self, job: Job, forking: Forking, workshop: Workshop, layout: str) -> None:
        self._job = job
        self._forking = forking
        self._forks = Forks(forking.folder, layout, (WEIGHTS, LOSSES, ANSWERS))
        try:
            plan = workshop.plan(job.config, ranks.world_size())
        except ValueError as error:
            raise RefusedError(str(error)) from error
        self._tape = Tape(job.config, plan)
        self._unheard = [*plan.points][len(job.seen) :]

    def begun(self, board: BoardClient) -> Job:
        """The job with what a fork gives it: a checkpoint in its folder, and the evaluations until
        then, which the board hears of. As it is if it comes by no fork, or has a checkpoint from
        before its first evaluation that is not on record."""
        found = self._found() if ranks.rank() == 0 else ()
        (shared,) = ranks.from_rank_zero([found])
        seen = list(self._job.seen)
        for each in shared:
            if all(each.point > earlier.point for earlier in seen):
                if ranks.rank() == 0:
                    board.evaluated(self._job.trial_id, each)
                seen.append(each)
        return replace(self._job, seen=tuple(seen))

    def _found(self) -> tuple[Evaluation, ...]:
        checkpoints = self._job.folder / CHECKPOINTS
        steps = (int(found.name.removeprefix(PREFIX)) for found in checkpoints.glob(f"{PREFIX}*"))
        if any(step < min(self._unheard, default=math.inf) for step in steps):
            return ()
        return self._forks.take(self._tape, checkpoints, self._job.folder) or ()

    def checkpoints(self, every: float, evaluations: Sequence[Evaluation]) -> Checkpoints:
        """The trial's checkpoints; `evaluations` are those made so far, and grow."""
        return ForkingCheckpoints(
            self._job.folder / CHECKPOINTS,
            every,
            self._job.folder,
            self._forks,
            self._tape,
            self._forking.steps,
            evaluations,
        )
