"""What a sweep has left: of its work at a resume, and of its caps before trials begin."""

from __future__ import annotations

import time
from collections.abc import Sequence

from results.ranking.front import judge
from results.records.record import SweepRecord, SweepState
from results.records.spending import last_seen, spent
from sweeps.base.errors import LaunchError
from sweeps.caps.earlier_parts import ended_by_cap
from sweeps.caps.used_up import before_the_first_trial, raised, used_up
from sweeps.home.home import SweepFolder
from sweeps.run.repeats import missing_repeats
from sweeps.spec.spec import SweepSpec


def is_done(
    earlier: SweepRecord, folder: SweepFolder, spec: SweepSpec, changes: Sequence[str] = ()
) -> bool:
    """Whether the sweep came to its end, with nothing left to train, to test or to confirm, or
    nothing that its caps allow."""
    if earlier.state not in (SweepState.COMPLETE, SweepState.FAILED):
        return False
    if ended_by_cap(earlier, spec, changes):
        return True
    trials, total = folder.store.trials(), spec.trials + folder.requests.added()
    if not sum(record.status.ended for record in trials) >= total == len(trials):
        return False
    if spec.confirm is None:
        return True
    ranking = judge(trials, earlier.goals)
    return not missing_repeats(ranking, folder.confirmations.trials(), spec.confirm)


def refuse_if_used_up(earlier: SweepRecord, folder: SweepFolder, spec: SweepSpec) -> None:
    """LaunchError if a sweep to be resumed has spent a cap whole, with the cap to raise."""
    cluster = folder.store.cluster()
    records = [*folder.store.trials(), *folder.confirmations.trials()]
    so_far = spent(earlier, cluster, records, last_seen(earlier, cluster))
    over = used_up(spec.caps.limits, so_far)
    if over:
        higher = raised(spec.caps.limits[over.cap], so_far[over.cap])
        raise LaunchError(
            f"budget.{over.cap}: {over.why}, so nothing is left to go on with; raise it, e.g. "
            f"{folder.command('resume')} --set budget.{over.cap}={higher}"
        )


def refuse_late_start(sweep: SweepRecord) -> None:
    """LaunchError if a new sweep has spent its hours before any trial. A resumed one, whose trials
    are on record, ends by its cap instead."""
    over = used_up(sweep.caps, spent(sweep, None, (), time.time()))
    if over and not sweep.resumed:
        raise LaunchError(before_the_first_trial(over))
