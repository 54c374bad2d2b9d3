"""Differences between trials, paired over the validation examples, from the losses on disk."""

from __future__ import annotations

from results.ranking.certainty import (
    Difference,
    LossesError,
    load_sequence_losses,
    paired_difference,
)
from results.ranking.paired_values import difference_of_values, load_prompt_values
from results.records.record import SweepRecord
from sweeps.home.home import SweepFolder
from trainables.board.job import ANSWERS, LOSSES
from trainables.metrics.registry import GENERATED
from trainables.training.generation.files import VALUES


def paired(
    sweep: SweepRecord, folder: SweepFolder, first: int, other: int | None
) -> Difference | None:
    """The difference for eval_loss or a metric of answers, which have values on disk; else None."""
    if sweep.metric == "eval_loss":
        return difference(folder, first, other)
    return _in_answers(folder, sweep.metric, first, other) if sweep.metric in GENERATED else None


def difference(folder: SweepFolder, first: int, other: int | None) -> Difference | None:
    """Loss of trial `first` minus that of `other` (None: the base model), in nats per token.

    Paired over the validation sequences; None if a trial has no losses on disk.
    """
    mine = folder.store.trial_folder(first) / LOSSES
    theirs = (folder.base if other is None else folder.store.trial_folder(other)) / LOSSES
    if not mine.exists() or not theirs.exists():
        return None
    try:
        return paired_difference(load_sequence_losses(mine), load_sequence_losses(theirs))
    except LossesError:
        return None


def _in_answers(
    folder: SweepFolder, metric: str, first: int, other: int | None
) -> Difference | None:
    """The difference in a metric's mean, paired over the prompts; None without values of both."""
    places = (
        folder.store.trial_folder(first),
        folder.base if other is None else folder.store.trial_folder(other),
    )
    files = [place / ANSWERS / VALUES for place in places]
    if not all(file.exists() for file in files):
        return None
    try:
        mine, theirs = (load_prompt_values(file, metric) for file in files)
        return difference_of_values(mine, theirs) if mine and theirs else None
    except LossesError:
        return None
