"""What a sweep has spent of its caps, and the cap that ended it, in sentences."""

from __future__ import annotations

import time

from results.records.record import SweepRecord
from results.records.spending import shares, spent
from sweeps.display.duration import duration
from sweeps.home.home import SweepFolder, SweepHome


def caps_lines(sweep: SweepRecord, folder: SweepFolder) -> list[str]:
    """Empty for a sweep without caps and quote."""
    lines = []
    if sweep.caps:
        records = [*folder.trials(), *folder.repeats()]
        now = spent(sweep, folder.store.cluster(), records, time.time())
        if of_each := shares(sweep.caps, now):
            lines.append(f"spent: {', '.join(of_each)}")
    if sweep.quote and sweep.ended:
        lines.append(_quoted(sweep, folder))
    if sweep.reached:
        lines.append(f"ended by budget.{sweep.reached.cap}: {sweep.reached.why}")
        lines.append(f"to go on: {_raised(sweep, folder)}")
    return lines


def _quoted(sweep: SweepRecord, folder: SweepFolder) -> str:
    """The time that the dry run expected, and what it took."""
    low, high = sweep.quote["low"], sweep.quote["high"]
    took = sum(each.seconds for each in (*folder.trials(), *folder.repeats()))
    where = "as quoted" if low <= took <= high else "less" if took < low else "more"
    return (
        f"training of all trials: {duration(took)}, {where}; the dry run expected "
        f"{duration(low)} to {duration(high)}"
    )


def _raised(sweep: SweepRecord, folder: SweepFolder) -> str:
    """The command that goes on: with twice the cap, or without the target."""
    assert sweep.reached is not None, "asked for"
    cap = sweep.reached.cap
    twice = 2 * sweep.caps.get(cap, 1.0)
    value = int(twice) if twice.is_integer() else twice
    more = "budget.target=null" if cap.startswith("target.") else f"budget.{cap}={value}"
    way = SweepHome(folder.path.parents[1]).way()
    return f"sweep resume {sweep.name} --set {more}{way}"
