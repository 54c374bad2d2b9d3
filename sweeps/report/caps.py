"""What a sweep has spent, saved and still to spend, and the cap that ended it, in sentences."""

from __future__ import annotations

import time

from results.ranking.saved import saved_by_stopping, saved_by_warm_slots
from results.ranking.shared import shared_by_branches
from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, SweepState
from results.records.spending import shares, spent
from sweeps.caps.rest import Rest
from sweeps.caps.rest_on_record import rest_on_record
from sweeps.display.duration import between, duration
from sweeps.home.home import SweepFolder
from sweeps.report.going_on import nothing_left, resume_command

_WORTH_A_LINE = 1.0
"""Seconds saved by warm slots that are worth a line."""


def caps_lines(sweep: SweepRecord, folder: SweepFolder) -> list[str]:
    """What is spent, what the rest will take, and what was saved, as far as each is known."""
    trials, repeats = folder.store.trials(), folder.confirmations.trials()
    cluster = folder.store.cluster()
    lines = []
    if sweep.caps:
        now = spent(sweep, cluster, [*trials, *repeats], time.time())
        if of_each := shares(sweep.caps, now):
            lines.append(f"spent: {', '.join(of_each)}")
    elif took := sum(each.seconds for each in (*trials, *repeats)):
        tokens = sum(each.tokens for each in (*trials, *repeats))
        lines.append(f"spent: {duration(took)} of training, {tokens:,} tokens")
    if rest := rest_on_record(folder, sweep, trials, cluster):
        lines.append(_rest(rest, cluster, bool(sweep.caps)))
    saved = saved_by_stopping(trials)
    if saved.trials:
        lines.append(
            f"saved by early stopping: about {duration(saved.seconds)}, {saved.steps:,} steps of "
            f"{saved.trials} trial{'s' * (saved.trials > 1)}"
        )
    spared = saved_by_warm_slots(sweep, [*trials, *repeats])
    if spared.seconds >= _WORTH_A_LINE:
        lines.append(
            f"saved by warm slots: about {duration(spared.seconds)}, {spared.loads:,} loads of the "
            "base model"
        )
    shared = shared_by_branches(trials)
    if shared.trials:
        lines.append(
            f"shared by branches: about {duration(shared.seconds)}, {shared.tokens:,} tokens that "
            f"{shared.trials} trial{'s' * (shared.trials > 1)} took over from others"
        )
    if sweep.quote and sweep.ended:
        lines.append(_quoted(sweep, folder))
    if sweep.reached:
        lines.append(f"ended by budget.{sweep.reached.cap}: {sweep.reached.why}")
        lines.append(f"to go on: {resume_command(sweep, folder)}")
    elif not sweep.state.ended and (over := nothing_left(sweep, folder)):
        lines.append(f"budget.{over.cap} is spent: no other trial begins")
    return lines


def _rest(rest: Rest, cluster: ClusterRecord | None, capped: bool) -> str:
    """`expected rest: 40 min to 65 min of training, 20 min to 33 min on the clock, $1.10 to $1.80
    of worker`: money grows with training as it did so far."""
    words = [
        f"{between(rest.low, rest.high)} of training",
        f"{between(rest.clock_low, rest.clock_high)} on the clock",
    ]
    for kind, hours in (cluster.node_hours(with_price=True) if cluster else {}).items():
        price = hours * cluster.prices[kind] if cluster else 0.0
        low, high = price * rest.ratio_low, price * rest.ratio_high
        words.append(f"${low:,.2f} to ${high:,.2f} of {kind or 'nodes of unknown type'}")
    with_it = f"; {rest.repeats} trainings of the confirmation included" if rest.repeats else ""
    unless = "; unless a cap ends it before" if capped else ""
    return f"expected rest: {', '.join(words)}{with_it}{unless}"


def _quoted(sweep: SweepRecord, folder: SweepFolder) -> str:
    """The time that the dry run expected, and what it took; of a whole sweep, whether that is more
    or less."""
    low, high = sweep.quote["low"], sweep.quote["high"]
    took = sum(each.seconds for each in (*folder.trials(), *folder.repeats()))
    where = "as quoted" if low <= took <= high else "less" if took < low else "more"
    whole = sweep.state is SweepState.COMPLETE and not sweep.reached and not sweep.changes
    return (
        f"training of all trials: {duration(took)}{f', {where}' if whole else ''}; the dry run "
        f"expected {duration(low)} to {duration(high)}"
    )
