"""What a running sweep tells whoever shows it."""

from __future__ import annotations

from typing import Protocol

from results.record import SweepRecord, TrialRecord


class View(Protocol):
    """Who shows a running sweep."""

    def phase(self, text: str) -> None:
        """Something takes a while; say what."""

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Everything is up and measured; trials come."""

    def changed(self, record: TrialRecord) -> None:
        """A trial's record has changed."""

    def trials_end(self) -> None:
        """No more trials."""
