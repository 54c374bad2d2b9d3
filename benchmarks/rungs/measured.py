"""What a sweep of the benchmark left: its trials, and each example's measurements at each point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.replay.table import POINTS
from results.records.record import TrialRecord
from results.records.store import RecordStore
from sweeps.home.home import SweepFolder
from sweeps.inputs.prepare import inputs_of
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.measured import load_measured
from trainables.data.tokens.examples import Examples
from trainables.metrics.registry import METRICS

Floats = NDArray[np.float64]

LOSS = "eval_loss"

BEST = 4
"""So many of the best trials are repeated."""


def around(folder: SweepFolder) -> RecordStore:
    """The best trial with one change at a time."""
    return RecordStore(folder.path, "around")


def losses_at(folder: Path, point: int) -> Path:
    """The file with the losses of each example at a point."""
    return folder / "points" / f"{point}.npz"


def complete(store: RecordStore, metric: str = LOSS) -> list[TrialRecord]:
    """The trials that were trained to their end, with a finite value at each of their points."""
    return [
        trial
        for trial in store.trials()
        if trial.status.can_win
        and trial.measurements[-1].point == POINTS
        and all(math.isfinite(each.metrics[metric]) for each in trial.measurements)
    ]


def ranked(folder: SweepFolder) -> list[TrialRecord]:
    """Complete trials, the best loss first."""
    return sorted(complete(folder.store), key=lambda trial: min(values(trial)))


def values(trial: TrialRecord, metric: str = LOSS) -> list[float]:
    """At each of POINTS; a point between two evaluations has the earlier one's value."""
    at = {each.point: each.metrics[metric] for each in trial.measurements}
    first = trial.measurements[0].metrics[metric]
    found = [first]
    for point in range(1, POINTS + 1):
        found.append(at.get(point, found[-1]))
    return found[1:]


def by_example(
    folder: SweepFolder, trials: Sequence[TrialRecord], metric: str
) -> tuple[Floats, Floats]:
    """Sums [trials, points, examples] and counts [examples], whose totals' ratio is the metric."""
    sums, counts = [], np.empty(0)
    for trial in trials:
        own: list[Floats] = []
        for point in range(1, POINTS + 1):
            file = losses_at(folder.store.trial_folder(trial.number), point)
            if file.exists() or not own:
                found, counts = _parts(metric, file)
            own.append(found)
        sums.append(own)
    return np.asarray(sums), counts


def _parts(metric: str, file: Path) -> tuple[Floats, Floats]:
    measured = load_measured(file)
    if metric == LOSS:
        return measured.losses, measured.counts
    parts = METRICS[metric].parts
    found = parts(measured) if parts else None
    assert found, f"{metric} must be a ratio of sums over examples"
    return found


def validation_tokens(folder: SweepFolder) -> int:
    """Tokens of the validation set that the sweep's trials were measured on."""
    inputs = inputs_of(SweepSpec.load(folder.spec).trial, folder.path.parent / "cache").inputs
    return int(Examples(inputs.validation).lengths.sum())
