"""What the board knows of its slots, for those who look from outside. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trainables.board.job import JobKind
from trainables.board.ticket import Ticket
from trainables.core.evaluation import Ending
from trainables.core.progress import Phases


@dataclass(frozen=True)
class SlotState:
    """One slot that has been up at least once.

    `nodes` has Ray's id of the node of each of its workers. `starts` counts its lives, also those
    that began because the memory of its workers had grown. `trials` is how many came to their end
    there, and `job` what it does now: a trial's id, or the name of a measurement; `phases` is how
    far that is. `home` is whether it was sent home for good, since there is no more to do for it.
    `remarks` are what its owner should know of what it runs on.
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


def slot_states(
    starts: Mapping[str, int],
    alive: Collection[str],
    devices: Mapping[str, str],
    nodes: Mapping[str, tuple[str, ...]],
    tickets: Iterable[Ticket],
    home: Collection[str] = (),
    remarks: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> list[SlotState]:
    """The slots in the order in which they first came up. A trial laid aside has not ended."""
    tasks: dict[str, Ticket] = {}
    trials = dict.fromkeys(starts, 0)
    for each in tickets:
        if each.slot is None:
            continue
        if each.outcome is None:
            tasks[each.slot] = each
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
            tasks[name].job.trial_id if name in tasks else None,
            name in home,
            tasks[name].phases if name in tasks else (),
            remarks.get(name, ()),
        )
        for name in starts
    ]
