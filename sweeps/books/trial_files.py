"""The files that trials leave in a sweep's folder, and which of them are not needed any more."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Collection, Mapping

from results.ranking.front import judge
from results.records.record import Mode, TrialRecord
from sweeps.home.home import SweepFolder
from sweeps.storage.mirror import Mirror
from trainables.board.job import CHECKPOINTS, WEIGHTS

LOOKS = 4
"""How many more ends a trial's folder is looked at after its own: the slot of a trial that was
stopped early may still be writing when the trial is over."""


class TrialFiles:
    """Drops checkpoints of trials that have ended, and weights of those that cannot win any more.

    Only the weights of the `keep_best` best trials are kept, or the front's. A trial that lost that
    place never gets it back. So only what may have changed is looked at: trials that have just
    ended, and those whose place a better one has taken. The file system may be a slow, shared one.
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

    def drop(self, records: Collection[TrialRecord]) -> None:
        """Drop what the ends of these trials make needless; of open ones nothing is dropped."""
        ended = {record.number: record for record in records if record.status.ended}
        if not ended:
            return
        best = self._best({**self._kept, **ended})
        for number in sorted({*ended, *self._latest, *self._kept.keys() - best.keys()}):
            self._drop(number, [CHECKPOINTS] if number in best else [CHECKPOINTS, WEIGHTS])
        self._kept = best
        self._latest.extend(ended)

    def _best(self, records: Mapping[int, TrialRecord]) -> dict[int, TrialRecord]:
        ranking = judge(list(records.values()), self._goals)
        best = ranking.chosen if ranking.several else ranking.winners[: self._keep_best]
        return {winner.record.number: winner.record for winner in best}

    def _drop(self, number: int, names: Collection[str]) -> None:
        folder = self._folder.store.trial_folder(number)
        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)
        if self._mirror:
            self._mirror.ended(str(folder.relative_to(self._folder.path)), names)
