"""A sentence on trials that were asked for by hand and have not begun."""

from __future__ import annotations

from collections.abc import Sequence

from results.records.record import SweepState, TrialRecord
from results.records.record_error import RecordError
from sweeps.home.home import SweepFolder, SweepHome


def waiting(folder: SweepFolder, state: SweepState, trials: Sequence[TrialRecord]) -> list[str]:
    """How many there are, and what they wait for."""
    try:
        asked = folder.requests.added()
    except RecordError as error:
        return [f"requests for trials cannot be read: {error}"]
    count = asked - sum(trial.added_by_hand for trial in trials)
    if count <= 0:
        return []
    head = f"{count} trial{'s' if count > 1 else ''} added by hand: not begun"
    if state is SweepState.RUNNING:
        return [head]
    way = SweepHome(folder.path.parents[1]).way()
    return [f"{head}; sweep resume {folder.path.name}{way} trains {'them' if count > 1 else 'it'}"]
