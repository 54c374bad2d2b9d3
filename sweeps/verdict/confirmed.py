"""The confirmation of a sweep as read from its folder."""

from __future__ import annotations

from pathlib import Path

from results.ranking.confirmation import Confirmation, best_repeat, confirm
from results.ranking.confirmed_front import ConfirmedFront, confirm_front
from results.ranking.winners import Ranking
from results.records.record import SweepRecord, TrialRecord
from sweeps.home.home import SweepFolder
from sweeps.verdict.by_example import values_by_example
from trainables.board.job import WEIGHTS


def confirmation(
    sweep: SweepRecord, ranking: Ranking, folder: SweepFolder
) -> Confirmation | ConfirmedFront | None:
    """What the repeats with fresh seeds say; None without any complete one."""
    repeats = folder.repeats()
    if not repeats:
        return None
    trials = [winner.record for winner in ranking.winners]
    if ranking.several:
        return confirm_front(trials, repeats, sweep.goals)
    return confirm(
        trials,
        repeats,
        sweep.metric,
        sweep.mode,
        lambda record: values_by_example(sweep.metric, folder_of(folder, record)),
    )


def means_of(found: Confirmation | ConfirmedFront) -> dict[str, float]:
    """The winner's mean of each metric of the search, over its fresh seeds."""
    if isinstance(found, ConfirmedFront):
        return dict(found.winner.means)
    return {found.metric: found.winner.mean}


def repeat_to_use(sweep: SweepRecord, folder: SweepFolder, trial: int) -> TrialRecord | None:
    """The repeat of a trial whose weights are used: the best on the validation set of those kept.

    Not the run of the search, which was chosen among many for its luck, so that its value does not
    compare; and never by the test set, which would no longer measure the choice.
    """
    own = [each for each in folder.repeats() if each.confirms == trial]
    place = folder.confirmations.trial_folder
    return best_repeat([r for r in own if (place(r.number) / WEIGHTS).is_dir()], sweep.goals)


def folder_of(folder: SweepFolder, record: TrialRecord) -> Path:
    """The folder with the files of a trial or of a confirmation."""
    store = folder.store if record.confirms is None else folder.confirmations
    return store.trial_folder(record.number)
