"""How a sweep that has ended goes on."""

from __future__ import annotations

import time

from results.records.record import ReachedCap, SweepRecord
from results.records.spending import spent
from sweeps.caps.used_up import raised, used_up
from sweeps.home.home import SweepFolder, SweepHome


def resume_command(sweep: SweepRecord, folder: SweepFolder) -> str:
    """The command that goes on; where a cap leaves nothing to go on with, it raises that, or drops
    the target."""
    way = SweepHome(folder.path.parents[1]).way()
    over = sweep.reached or nothing_left(sweep, folder)
    more = f" --set {_raised(sweep, folder, over.cap)}" if over else ""
    return f"sweep resume {sweep.name}{more}{way}"


def nothing_left(sweep: SweepRecord, folder: SweepFolder) -> ReachedCap | None:
    """The cap of which nothing is left, if there is one."""
    return used_up(sweep.caps, _spent(sweep, folder)) if sweep.caps else None


def _raised(sweep: SweepRecord, folder: SweepFolder, cap: str) -> str:
    if cap.startswith("target."):
        return "budget.target=null"
    amount = _spent(sweep, folder).get(cap, 0.0)
    return f"budget.{cap}={raised(sweep.caps.get(cap, 1.0), amount)}"


def _spent(sweep: SweepRecord, folder: SweepFolder) -> dict[str, float]:
    records = [*folder.store.trials(), *folder.confirmations.trials()]
    return spent(sweep, folder.store.cluster(), records, time.time())
