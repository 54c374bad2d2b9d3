"""Differences between trials, paired over the validation examples, from the losses on disk."""

from __future__ import annotations

from results.ranking.certainty import (
    Difference,
    LossesError,
    load_sequence_losses,
    paired_difference,
)
from results.records.record import SweepRecord
from sweeps.home.home import SweepFolder
from trainables.board.job import LOSSES


def paired(
    sweep: SweepRecord, folder: SweepFolder, first: int, other: int | None
) -> Difference | None:
    """The difference for eval_loss, the only metric with losses per sequence; else None."""
    return difference(folder, first, other) if sweep.metric == "eval_loss" else None


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
