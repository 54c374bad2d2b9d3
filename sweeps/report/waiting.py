"""Sentences on trials that are yet to be trained, and what they wait for."""

from __future__ import annotations

from collections.abc import Sequence

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, SweepState, TrialRecord, TrialStatus
from results.records.record_error import RecordError
from sweeps.home.home import SweepFolder, SweepHome

_NAMED = 8
"""Maximum number of waiting trials that are named; others are counted."""


def waiting(folder: SweepFolder, state: SweepState, trials: Sequence[TrialRecord]) -> list[str]:
    """How many were asked for by hand and have not begun, and what they wait for."""
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


def unseated(cluster: ClusterRecord, trials: Sequence[TrialRecord]) -> list[str]:
    """The running trials that no slot had taken when the slots were last seen: the lanes of a slot
    are filled once it has loaded the base for its first trial."""
    seated = {lane.job for slot in cluster.slots for lane in slot.lanes}
    running = [each for each in trials if each.status is TrialStatus.RUNNING]
    left = [str(each.number) for each in running if str(each.key) not in seated]
    if not left:
        return []
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return [f"waiting for a slot or a lane: trial {', '.join(left[:_NAMED])}{more}"]


def left_to_train(sweep: SweepRecord, trials: Sequence[TrialRecord]) -> str:
    """`1 trial goes on, 6 begin`: what a resume would still train; empty if that is nothing, or not
    known."""
    under_way = sum(not each.status.ended for each in trials)
    expected = sweep.expected(trials)
    new = 0 if expected is None else max(0, expected - len(trials))
    said = [_counted(under_way, "goes on", "go on"), _counted(new, "begins", "begin")]
    return ", ".join(filter(None, said))


def _counted(count: int, of_one: str, of_more: str) -> str:
    return f"{count} trial{'s' * (count > 1)} {of_one if count == 1 else of_more}" if count else ""
