"""Records of confirmations."""

from __future__ import annotations

from collections.abc import Mapping

from finished_sweeps import ended_trial

from results.records.record import TrialRecord
from sweeps.home.home import SweepFolder


def repeat(
    number: int,
    confirms: int,
    seed: int,
    *losses: float | dict,
    status: str = "complete",
    **changes,
) -> TrialRecord:
    """A confirmation with these losses at its evaluation points."""
    return ended_trial(
        number, status, {"learning_rate": 1e-3}, *losses, confirms=confirms, repeat=seed, **changes
    )


def repeats(values: Mapping[int, list[float]]) -> list[TrialRecord]:
    """Complete confirmations: trial -> its values by seed."""
    flat = [
        (trial, seed, value)
        for trial, known in values.items()
        for seed, value in enumerate(known, 1)
    ]
    return [repeat(n, trial, seed, 9.0, value) for n, (trial, seed, value) in enumerate(flat)]


def write_repeats(folder: SweepFolder, records: list[TrialRecord]) -> None:
    """Put them in the sweep's folder."""
    for record in records:
        folder.confirmations.write_trial(record)
