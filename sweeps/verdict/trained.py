"""Whether a trial trained anything."""

from __future__ import annotations

from results.records.record import TrialRecord
from trainables.methods.registry import METHODS


def trains(record: TrialRecord) -> bool:
    """Whether a trial's method trains; unknown methods do."""
    method = METHODS.get(str(record.config.get("method")))
    return method is None or method.trains
