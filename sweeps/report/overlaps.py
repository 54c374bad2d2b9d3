"""What was measured on data that was trained on, in words. Pure."""

from __future__ import annotations

from results.records.record import SweepRecord
from trainables.metrics.registry import GENERAL


def overlap_sentence(sweep: SweepRecord, name: str) -> str:
    """What a set shares with the training data; empty where it shares nothing."""
    overlap = sweep.overlaps.get(name)
    if overlap is None or not overlap.shared:
        return ""
    if overlap.shared == overlap.records:
        return (
            f"Measured on what was trained on: all {overlap.records:,} {name} records are in the "
            "training data as well, so nothing is known of other data."
        )
    return (
        f"Partly measured on what was trained on: {overlap.shared:,} of {overlap.records:,} {name} "
        "records are in the training data as well."
    )


def all_overlaps(sweep: SweepRecord) -> list[str]:
    """A sentence for each set that shares something."""
    return [sentence for name in sweep.overlaps if (sentence := overlap_sentence(sweep, name))]


def overlaps_searched_by(sweep: SweepRecord) -> str:
    """The sentences for those sets that the sweep's metrics are measured on."""
    sets = dict.fromkeys("general" if name in GENERAL else "validation" for name in sweep.goals)
    return " ".join(filter(None, (overlap_sentence(sweep, name) for name in sets)))
