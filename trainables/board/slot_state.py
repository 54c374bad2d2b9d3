"""The state of the board's slots, for display. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trainables.board.job import JobKind
from trainables.board.ticket import Ticket
from trainables.core.evaluation import Ending
from trainables.core.progress import Phases
from trainables.lanes.limits import LaneLimits


@dataclass(frozen=True)
class LaneState:
    """A trial beside others in a slot, and its progress."""

    job: str
    phases: Phases = ()


@dataclass(frozen=True)
class SlotState:
    """One slot that has been up at least once.

    `nodes` has Ray's node id of each of its workers. `starts` counts its lives, including restarts
    because its workers' memory had grown. `trials` is the number of trials that ended there; `job`
    is its current work: a trial's id, or the name of a measurement; `phases` is the progress of
    that; `beside` are the trials in its other lanes, of which there may be as many as
    `limits` says, once they are found. `home` is whether it was sent home for good,
    with no more work to do. `remarks` are notes for its owner on its hardware. `sent_back` is the
    number of trials that its latest restart interrupted.
    """

    name: str
    up: bool
    device: str = ""
    nodes: tuple[str, ...] = ()
    starts: int = 0
    trials: int = 0
    job: str | None = None
    home: bool = False
    phases: Phases = ()
    remarks: tuple[str, ...] = ()
    beside: tuple[LaneState, ...] = ()
    limits: LaneLimits | None = None
    sent_back: int = 0


def slot_states(
    starts: Mapping[str, int],
    alive: Collection[str],
    devices: Mapping[str, str],
    nodes: Mapping[str, tuple[str, ...]],
    tickets: Iterable[Ticket],
    home: Collection[str] = (),
    remarks: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    limits: Mapping[str, LaneLimits] = MappingProxyType({}),
    sent_back: Mapping[str, int] = MappingProxyType({}),
) -> list[SlotState]:
    """The slots in the order of their first start. A suspended trial has not ended."""
    held: dict[str, list[Ticket]] = {name: [] for name in starts}
    trials = dict.fromkeys(starts, 0)
    for each in tickets:
        if each.slot is None:
            continue
        if each.outcome is None:
            held.setdefault(each.slot, []).append(each)
        elif each.job.kind is JobKind.TRAIN and each.outcome.ending is not Ending.SUSPENDED:
            trials[each.slot] += 1
    return [
        SlotState(
            name,
            name in alive,
            devices.get(name, ""),
            nodes.get(name, ()),
            starts[name],
            trials[name],
            held[name][0].job.trial_id if held[name] else None,
            name in home,
            held[name][0].phases if held[name] else (),
            remarks.get(name, ()),
            tuple(LaneState(each.job.trial_id, each.phases) for each in held[name][1:]),
            limits.get(name),
            sent_back.get(name, 0),
        )
        for name in starts
    ]
