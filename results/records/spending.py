"""What a sweep has spent of what its caps limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from results.records.cluster_record import HOUR, ClusterRecord
from results.records.record import SweepRecord, TrialRecord

UNITS: Mapping[str, str] = {
    "hours": "h",
    "gpu_hours": "GPU-hours",
    "cost": "dollars",
    "trained_tokens": "tokens",
}
"""The caps on what is spent, with their units."""


def seconds_of(sweep: SweepRecord, now: float) -> float:
    """Wall-clock seconds of a sweep until its end or `now`, without those between its parts."""
    return sweep.seconds_before + max(0.0, (sweep.ended or now) - sweep.began)


def last_seen(sweep: SweepRecord, cluster: ClusterRecord | None) -> float:
    """When the latest part of a sweep that was killed was last seen at work."""
    return max(cluster.at if cluster else sweep.began, sweep.began)


def spent(
    sweep: SweepRecord,
    cluster: ClusterRecord | None,
    records: Iterable[TrialRecord],
    now: float,
) -> dict[str, float]:
    """What a sweep has spent of each kind; `records` are those of trials and repeats.

    The time since a sweep was killed does not count.
    """
    until = last_seen(sweep, cluster) if sweep.state.ended else now
    return {
        "hours": seconds_of(sweep, until) / HOUR,
        "gpu_hours": cluster.gpu_seconds / HOUR if cluster else 0.0,
        "cost": charged(cluster) if cluster else 0.0,
        "trained_tokens": float(sum(each.tokens for each in records)),
    }


def charged(cluster: ClusterRecord) -> float:
    """Dollars for all node hours; nodes without a price cost the highest known one."""
    dearest = max(cluster.prices.values(), default=0.0)
    return sum(
        seconds / HOUR * cluster.prices.get(kind, dearest)
        for kind, seconds in cluster.node_seconds.items()
    )


def shares(caps: Mapping[str, float], spent: Mapping[str, float]) -> list[str]:
    """`1.2 of 8 h` for each cap on what is spent."""
    return [
        f"{shown(spent[name])} of {shown(caps[name])} {unit}"
        for name, unit in UNITS.items()
        if name in caps
    ]


def shown(amount: float) -> str:
    """A spent amount: 0.125, 340, 1,200,000."""
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"
