"""What a running sweep tells whoever shows it."""

from __future__ import annotations

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from trainables.core.progress import Phases


class View:
    """Who shows a running sweep; this one shows nothing. A context, at whose end all has been
    shown."""

    def __enter__(self) -> View:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def say(self, text: str) -> None:
        """Something that is to be known now."""

    def phase(self, text: str | None) -> None:
        """Something takes a while, until the next phase; None: nothing does any more."""

    def at(self, phases: Phases) -> None:
        """How far that is, or what else is being done that may take a while. Called often."""

    def slots(self, cluster: ClusterRecord) -> None:
        """What the slots do by now."""

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Everything is up and measured; trials come."""

    def changed(self, record: TrialRecord) -> None:
        """A trial's record has changed."""

    def trials_end(self) -> None:
        """No more trials."""
