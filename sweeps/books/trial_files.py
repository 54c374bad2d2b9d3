"""Trial files in a sweep's folder, and the deletion of those no longer needed."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from results.ranking.front import judge
from results.records.record import Mode, TrialRecord
from sweeps.home.home import SweepFolder
from sweeps.storage.mirror import Mirror
from sweeps.verdict.trained import trains
from trainables.board.job import CHECKPOINTS, WEIGHTS

LOOKS = 4
"""Number of later trial ends at which a trial's folder is checked again: the slot of a trial
stopped early may still write after its end."""


class TrialFiles:
    """Deletes checkpoints of ended trials, and weights of trials that can no longer win.

    Keeps only the weights of the `keep_best` best trials, or of the front. A trial that drops out
    never comes back. So only possible changes are checked, since the file system may be slow and
    shared: trials that have just ended, and trials replaced by better ones.
    """

    def __init__(
        self,
        folder: SweepFolder,
        goals: Mapping[str, Mode],
        keep_best: int,
        mirror: Mirror | None = None,
    ) -> None:
        self._folder = folder
        self._goals = goals
        self._keep_best = keep_best
        self._mirror = mirror
        self._kept: dict[int, TrialRecord] = {}
        self._latest: deque[int] = deque(maxlen=LOOKS)

    def drop(self, records: Collection[TrialRecord], settled: bool = False) -> None:
        """Delete files made obsolete by the ends of these trials; open trials keep theirs.

        `settled`: no slot trains. Else a checkpoint that is being written stays: the slot of a
        trial stopped early may be at it, and would lose its workers with it.
        """
        ended = {record.number: record for record in records if record.status.ended}
        if not ended:
            return
        best = self._best({**self._kept, **ended})
        for number in sorted({*ended, *self._latest, *self._kept.keys() - best.keys()}):
            names = [CHECKPOINTS] if number in best else [CHECKPOINTS, WEIGHTS]
            self._drop(number, names, settled)
        self._kept = best
        self._latest.extend(ended)

    def _best(self, records: Mapping[int, TrialRecord]) -> dict[int, TrialRecord]:
        ranking = judge(list(records.values()), self._goals)
        trained = [winner for winner in ranking.winners if trains(winner.record)]
        best = ranking.chosen if ranking.several else trained[: self._keep_best]
        return {winner.record.number: winner.record for winner in best}

    def _drop(self, number: int, names: Collection[str], settled: bool) -> None:
        folder = self._folder.store.trial_folder(number)
        for name in names:
            if settled or name != CHECKPOINTS:
                shutil.rmtree(folder / name, ignore_errors=True)
            else:
                _drop_written(folder / name)
        if self._mirror:
            self._mirror.ended(str(folder.relative_to(self._folder.path)), names)


def _drop_written(checkpoints: Path) -> None:
    """Delete the checkpoints, and their folder unless one is being written in it."""
    for checkpoint in checkpoints.glob("[!.]*"):
        shutil.rmtree(checkpoint, ignore_errors=True)
    with suppress(OSError):  # it is not there, or not empty
        checkpoints.rmdir()
