"""Trials without a run yet, as far as the only writer of a sweep can know."""

from __future__ import annotations

from collections.abc import Iterable

from results.records.record import TrialKey


class KnownRuns:
    """The trials under parent runs whose children are all known: made or read by this writer.

    MLflow finds a run by its tags in a time proportional to all runs. Only a trial that may have a
    run needs that: one that was read, or whose earlier call may have taken effect unanswered.
    """

    def __init__(self) -> None:
        self._trials: dict[str, set[TrialKey]] = {}

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
