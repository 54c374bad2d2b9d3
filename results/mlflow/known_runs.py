"""What the only writer of a sweep knows of the runs of its trials, without asking MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from results.mlflow.tags import TOLD
from results.records.record import Measurement, TrialKey, TrialRecord


class KnownRuns:
    """The trials under parent runs whose children are all known: made or read by this writer; and
    what their new runs have been told since.

    MLflow finds a run by its tags in a time proportional to all runs. Only a trial that may have a
    run needs that: one that was read, or whose earlier call may have taken effect unanswered.
    """

    def __init__(self) -> None:
        self._trials: dict[str, set[TrialKey]] = {}
        self._measured: dict[str, list[Measurement]] = {}

    def are(self, parent: str, trials: Iterable[TrialKey] = ()) -> None:
        """All trials that have a run under this parent."""
        self._trials[parent] = set(trials)

    def lacks(self, parent: str, trial: TrialKey) -> bool:
        """Whether the trial surely has no run; from now on it may have one."""
        trials = self._trials.get(parent)
        if trials is None or trial in trials:
            return False
        trials.add(trial)
        return True

    def opened(self, run_id: str, new: bool) -> None:
        """A trial's run was opened, and is new or may have been told things before."""
        self._measured.pop(run_id, None)
        if new:
            self._measured[run_id] = []

    def measured(self, run_id: str, measurement: Measurement) -> None:
        """A trial's run has a measurement."""
        if run_id in self._measured:
            self._measured[run_id].append(measurement)

    def told_tag(self, record: TrialRecord) -> dict[str, str]:
        """A tag for a run with all of the record's measurements; none if some may be missing."""
        measured = self._measured.get(record.run_id or "")
        return {TOLD: digest(record)} if measured == list(record.measurements) else {}

    def ended(self, run_id: str) -> None:
        """Nothing more will come of a trial's run."""
        self._measured.pop(run_id, None)


def digest(record: TrialRecord) -> str:
    """A hash of the record without its run, 16 hexadecimal digits."""
    text = record.model_dump_json(exclude={"run_id"})
    return hashlib.sha256(text.encode()).hexdigest()[:16]
