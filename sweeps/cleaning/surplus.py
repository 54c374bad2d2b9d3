"""The files of an ended sweep that nothing needs any more. Nothing is deleted here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from results.ranking.confirmed_front import ConfirmedFront
from results.ranking.front import judge
from results.records.record import SweepRecord, TrialRecord
from results.records.store import RecordStore
from sweeps.home.home import SweepFolder
from sweeps.verdict.confirmed import confirmation, repeat_to_use
from trainables.board.job import CHECKPOINTS, WEIGHTS


@dataclass(frozen=True)
class Surplus:
    """A folder that may go, what it is, and its size in bytes. `kept` says why it stays."""

    sweep: str
    path: Path
    what: str
    size: int
    kept: str | None = None


def surplus(folder: SweepFolder, keep_best: int, in_use: Collection[Path]) -> list[Surplus]:
    """Weights of all but the `keep_best` best trials, checkpoints of ended trials, Ray's files.

    Of a confirmed sweep the best are those by means over fresh seeds, and of each the repeat whose
    weights are used stays.

    Records, losses per example, logs of the search and the checkpoints of unfinished trials are
    not among them: results stay, and an interrupted sweep can be resumed. Folders `in_use`, and
    those around or within them, are `kept`.
    """
    sweep, trials = folder.sweep_record(), folder.trials()
    best = _best(sweep, trials, keep_best)
    repeats = folder.repeats()
    spared = _spared(sweep, trials, folder, keep_best)
    listed = chain(
        _found(folder.store, trials, best),
        _found(folder.confirmations, repeats, spared),
        [(folder.ray, "Ray's files")],
    )
    found = [each for each in listed if each[0].is_dir()]
    return [
        Surplus(folder.path.name, path, what, _size(path), _why_kept(path, in_use))
        for path, what in found
    ]


def _best(sweep: SweepRecord, trials: Sequence[TrialRecord], count: int) -> set[int]:
    """The best trials; with several metrics the whole front, unless none is to be kept."""
    ranking = judge(trials, sweep.goals)
    kept = ranking.winners if ranking.several and count else ranking.winners[:count]
    return {winner.record.number for winner in kept}


def _spared(
    sweep: SweepRecord, trials: Sequence[TrialRecord], folder: SweepFolder, count: int
) -> set[int]:
    """The repeats that stay: of each of the best confirmed trials the one that is used."""
    found = confirmation(sweep, judge(trials, sweep.goals), folder)
    if found is None or not count:
        return set()
    kept = found.trials if isinstance(found, ConfirmedFront) else found.trials[:count]
    used = (repeat_to_use(sweep, folder, each.number) for each in kept)
    return {repeat.number for repeat in used if repeat}


def _found(
    store: RecordStore, trials: Sequence[TrialRecord], best: Collection[int]
) -> Iterator[tuple[Path, str]]:
    for trial in trials:
        place = store.trial_folder(trial.number)
        if trial.status.ended and trial.number not in best:
            yield place / WEIGHTS, f"weights of {trial.called}"
            yield place / f"{WEIGHTS}.partial", f"half-written weights of {trial.called}"
        if trial.status.ended:
            yield place / CHECKPOINTS, f"checkpoints of {trial.called}"


def _why_kept(path: Path, in_use: Collection[Path]) -> str | None:
    own = path.resolve()
    for used in in_use:
        if own == used or own in used.parents or used in own.parents:
            return f"MLflow points to {used}"
    return None


def _size(path: Path) -> int:
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
