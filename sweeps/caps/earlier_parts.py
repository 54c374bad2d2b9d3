"""What the earlier parts of a resumed sweep mean for its caps."""

from __future__ import annotations

from collections.abc import Sequence

from results.records.record import SweepRecord
from results.records.record_error import RecordError
from results.records.spending import last_seen, seconds_of
from results.records.store import RecordStore
from sweeps.spec.spec import SweepSpec


def seconds_before(earlier: SweepRecord, store: RecordStore) -> float:
    """Wall-clock seconds of a sweep's parts so far; a killed one ended when last seen."""
    try:
        cluster = store.cluster()
    except RecordError:
        cluster = None
    return seconds_of(earlier, last_seen(earlier, cluster))


def ended_by_cap(earlier: SweepRecord, spec: SweepSpec, changes: Sequence[str]) -> bool:
    """Whether a cap ended the sweep, and the `changes` at its resume raise neither that cap nor
    the confirmation."""
    reached = earlier.reached
    if reached is None or any(each.startswith("confirm") for each in changes):
        return False
    return spec.caps.limits.get(reached.cap) == earlier.caps.get(reached.cap)
