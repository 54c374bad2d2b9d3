"""A sweep's slots, nodes and cost, for `sweep status`. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from results.records.cluster_record import (
    HOUR,
    ClusterRecord,
    LaneRecord,
    LimitsRecord,
    NodeRecord,
    SlotRecord,
)
from results.records.record import CONFIRMATION
from sweeps.display.duration import duration
from sweeps.display.trial_table import plain_table
from sweeps.display.underway import described, phases_of

OLD = 30.0
"""Age in seconds from which the report shows its age: several of the driver's usual pauses."""


def cluster_report(cluster: ClusterRecord, runs: bool, now: float) -> RenderableType:
    """The state of slots and nodes of a running sweep, or their totals afterwards; the cost."""
    headline = _headline(cluster, now) if runs else "slots:"
    lanes = f"lanes: {cluster.lanes_said}" if cluster.lanes_said else ""
    cost = cost_line(cluster, "cost so far" if runs else "cost")
    below = [Text(line) for line in (lanes, cost) if line]
    return Group(Text(headline), _table(cluster, runs), *below)


def cost_line(cluster: ClusterRecord, title: str) -> str:
    """`cost: $1.23 for 73 min of worker`, or the time alone; empty if no type is known."""
    cost, others = cluster.cost, _times(cluster.node_hours(with_price=False))
    if cost is not None:
        paid = _times(cluster.node_hours(with_price=True))
        missing = f"; not included for lack of a price: {others}" if others else ""
        return f"{title}: ${cost:,.2f} for {paid}{missing}"
    return f"{title}: no price for {others}" if any(cluster.node_seconds) else ""


def _times(hours: Mapping[str, float]) -> str:
    """`73 min of worker and 50 s of nodes of unknown type`."""
    return " and ".join(
        f"{duration(each * HOUR)} of {kind or 'nodes of unknown type'}"
        for kind, each in hours.items()
    )


def _headline(cluster: ClusterRecord, now: float) -> str:
    up = sum(slot.up for slot in cluster.slots)
    kinds = Counter(node.kind for node in cluster.nodes)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if kind)
    count = len(cluster.nodes)
    nodes = f"{count} node{'s' if count != 1 else ''}" + (f" ({listed})" if listed else "")
    gpus = f", {cluster.gpus_used:g} of {cluster.gpus:g} GPUs in use" if cluster.gpus else ""
    age = now - cluster.at
    old = f", as of {duration(age)} ago" if age > OLD else ""
    return f"slots: {up} of {len(cluster.slots)} up; {nodes}{gpus}{old}"


def _table(cluster: ClusterRecord, runs: bool) -> Table:
    nodes = {node.id: node for node in cluster.nodes}
    table = plain_table()
    table.add_column("  slot", no_wrap=True)
    for title in ("trials", "restarts"):
        table.add_column(title, justify="right", no_wrap=True)
    found = any(slot.limits for slot in cluster.slots)
    titles = ("now", "on", "node") if runs else ("on",)
    for title in (*(("lanes",) if found else ()), *titles):
        table.add_column(title, overflow="fold")
    for slot in cluster.slots:
        lanes = (_limits(slot.limits),) if found else ()
        now = (_now(slot), slot.device, _places(slot, nodes)) if runs else (slot.device,)
        table.add_row(f"  {slot.name}", str(slot.trials), str(slot.restarts), *lanes, *now)
    return table


def _limits(limits: LimitsRecord | None) -> str:
    """`4: 120 fit, up to 4 pay, 2.1 times the tokens/s of one`."""
    if not limits:
        return ""
    if limits.untried:
        return f"1: not tried, {limits.untried}"
    gain = f", {limits.gain:.2g} times the tokens/s of one" if limits.gain else ""
    return f"{limits.lanes}: {limits.fit} fit, up to {limits.pay} pay{gain}"


def _now(slot: SlotRecord) -> str:
    if slot.home:
        return "stopped"
    if not slot.up:
        return "down" if slot.nodes else "not up yet"
    if slot.job is None:
        return "idle"
    return "; ".join(map(_lane, slot.lanes))


def _lane(lane: LaneRecord) -> str:
    if lane.job.isdigit() or lane.job.startswith(CONFIRMATION):
        job = f"trial {lane.job}" if lane.job.isdigit() else lane.job.replace("-", " ")
    else:
        job = "base model" if lane.job == "base" else "test set"
    return ", ".join((job, *map(described, phases_of(lane))))


def _places(slot: SlotRecord, nodes: Mapping[str, NodeRecord]) -> str:
    """The hosts of its workers; a node that is gone is left out."""
    there = [nodes[each] for each in dict.fromkeys(slot.nodes) if slot.up and each in nodes]
    return ", ".join(f"{node.host} ({node.kind})" if node.kind else node.host for node in there)
