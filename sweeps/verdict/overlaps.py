"""Overlaps of evaluation and training data, in words. Pure."""

from __future__ import annotations

from results.records.record import SweepRecord
from trainables.metrics.formula import parts_of
from trainables.metrics.registry import GENERAL


def overlap_sentence(sweep: SweepRecord, name: str) -> str:
    """A set's overlap with the training data; empty if there is none."""
    overlap = sweep.overlaps.get(name)
    if overlap is None or not overlap.shared:
        return ""
    if overlap.shared == overlap.records:
        return (
            f"Evaluated on training data: all {overlap.records:,} {name} records are also in the "
            "training data, so results on other data are unknown."
        )
    return (
        f"Partly evaluated on training data: {overlap.shared:,} of {overlap.records:,} {name} "
        "records are also in the training data."
    )


def all_overlaps(sweep: SweepRecord) -> list[str]:
    """A sentence for each set with an overlap."""
    return [sentence for name in sweep.overlaps if (sentence := overlap_sentence(sweep, name))]


def overlaps_searched_by(sweep: SweepRecord) -> str:
    """The sentences for the sets of the sweep's metrics."""
    parts = [part for goal in sweep.goals for part in parts_of(goal)]
    sets = dict.fromkeys("general" if name in GENERAL else "validation" for name in parts)
    return " ".join(filter(None, (overlap_sentence(sweep, name) for name in sets)))
