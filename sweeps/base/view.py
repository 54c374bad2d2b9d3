"""The interface between a running sweep and its display."""

from __future__ import annotations

from collections.abc import Sequence

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from trainables.core.progress import Phases


class View:
    """A display of a running sweep; this one shows nothing. A context manager, at whose end
    everything is shown."""

    def __enter__(self) -> View:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def say(self, text: str) -> None:
        """A message."""

    def phase(self, text: str | None) -> None:
        """A long phase, until the next one; None: no phase."""

    def at(self, phases: Phases) -> None:
        """The progress of the phase and of other long work. Called often."""

    def slots(self, cluster: ClusterRecord) -> None:
        """The current state of the slots."""

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Preparation is complete; trials start."""

    def known(self, records: Sequence[TrialRecord]) -> None:
        """The trials of a resumed sweep as they were left; told once trials begin."""
        for record in records:
            self.changed(record)

    def changed(self, record: TrialRecord) -> None:
        """A trial's record has changed."""

    def trials_end(self) -> None:
        """No more trials."""
