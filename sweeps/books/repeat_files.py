"""The files of confirmations, and the deletion of those no longer needed."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence

from results.ranking.confirmation import best_repeat
from results.records.record import Mode, TrialRecord
from sweeps.home.home import SweepFolder
from sweeps.storage.mirror import Mirror
from trainables.board.job import CHECKPOINTS, WEIGHTS


class RepeatFiles:
    """Keeps the weights of each confirmed trial's best repeat, by the validation set.

    Of each, since noise may leave several tied, and the choice among them is the user's.
    """

    def __init__(
        self, folder: SweepFolder, goals: Mapping[str, Mode], mirror: Mirror | None = None
    ) -> None:
        self._folder = folder
        self._goals = goals
        self._mirror = mirror

    def drop(self, records: Sequence[TrialRecord], untested: Collection[int] = ()) -> None:
        """Delete checkpoints of ended repeats, and weights of all but the best.

        Those `untested` on the test set keep theirs.
        """
        best = self._best(records)
        for record in records:
            if record.status.ended:
                spared = record.number in best or record.number in untested
                self._drop(record, [CHECKPOINTS] if spared else [CHECKPOINTS, WEIGHTS])

    def _best(self, records: Sequence[TrialRecord]) -> set[int]:
        by_trial: dict[int | None, list[TrialRecord]] = {}
        for record in records:
            by_trial.setdefault(record.confirms, []).append(record)
        best = (best_repeat(own, self._goals) for own in by_trial.values())
        return {each.number for each in best if each is not None}

    def _drop(self, record: TrialRecord, names: Collection[str]) -> None:
        folder = self._folder.confirmations.trial_folder(record.number)
        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)
        if self._mirror:
            self._mirror.ended(str(folder.relative_to(self._folder.path)), names)
