"""The slots of a sweep that are up, and their nodes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence

from trainables.board.nodes import Nodes
from trainables.board.slot_state import SlotState, slot_states
from trainables.board.ticket import Ticket
from trainables.lanes.limits import LaneLimits

IDLE_STARTS = 4
"""Starts in a row without a job after which a slot is given up."""


class SlotRegistry:
    """All slots that have ever been up.

    `up` are the names of those that are up, `starts` counts the lives of each, `cluster` is the
    state of the nodes, and `found` has the numbers of lanes by device and kind of trial.
    """

    def __init__(self) -> None:
        self.starts: Counter[str] = Counter()
        self.up: set[str] = set()
        self.cluster = Nodes()
        self.found: dict[str, LaneLimits] = {}
        self._lost: set[str] = set()
        self._bereaved: Counter[str] = Counter()
        self._sent_back: dict[str, int] = {}
        self._sent_home: set[str] = set()
        self._idle_starts: Counter[str] = Counter()
        self._devices: dict[str, str] = {}
        self._nodes: dict[str, tuple[str, ...]] = {}
        self._remarks: dict[str, tuple[str, ...]] = {}
        self._limits: dict[str, LaneLimits] = {}
        self._departure = asyncio.Event()

    def add(self, slot: str, device: str, nodes: Sequence[str]) -> int:
        """Register a start on `device`, with workers on these nodes; returns the number of the
        life."""
        self._lost.discard(slot)
        self._devices[slot] = device
        self._nodes[slot] = tuple(nodes)
        self.starts[slot] += 1
        self._idle_starts[slot] += 1
        self._sent_back[slot] = self._bereaved.pop(slot, 0)
        self.up.add(slot)
        return self.starts[slot]

    def lose(self, slot: str) -> frozenset[str]:
        """Register the loss of its workers; returns their nodes."""
        self.leave(slot)
        self._lost.add(slot)
        return frozenset(self._nodes.get(slot, ()))

    def bereaved(self, slot: str, trials: int) -> None:
        """Note that so many of its trials go on elsewhere, or in its next life."""
        self._bereaved[slot] += trials

    def leave(self, slot: str) -> None:
        """Register that it leaves."""
        self.up.discard(slot)
        self._departure.set()

    def send_home(self, slot: str) -> None:
        """Let it leave; it comes back only if it leaves because of its node."""
        self.leave(slot)
        if self.drains(slot):
            self._idle_starts[slot] = 0  # it did not die
        else:
            self._sent_home.add(slot)

    def has_taken(self, slot: str) -> str:
        """Note that it has a job, so its start was useful; returns its device."""
        self._idle_starts[slot] = 0
        return self._devices.get(slot, "")

    def remark(self, slot: str, remarks: tuple[str, ...]) -> None:
        """Note the remarks for the slot's owner on its hardware."""
        self._remarks[slot] = remarks

    def limits(self, slot: str, kind: str) -> LaneLimits | None:
        """How many lanes the slot takes for this kind from now on, if known for its device."""
        known = self.found.get(self._place(slot, kind))
        if known is not None:
            self._limits[slot] = known
        return known

    def limit(self, slot: str, kind: str, limits: LaneLimits) -> LaneLimits:
        """Note how many lanes the slot has found to take; those found first for a kind on such a
        device count for all slots. What was not tried is no find."""
        place = self._place(slot, kind)
        known = self.found.get(place)
        if known is None or known.untried:
            self.found[place] = limits
        self._limits[slot] = self.found[place]
        return self._limits[slot]

    def _place(self, slot: str, kind: str) -> str:
        return f"{self._devices.get(slot, '')}: {kind}"

    def lanes(self) -> int:
        """The lanes of all slots that are up, as far as they are found; one of each other."""
        return sum(self._limits[slot].lanes if slot in self._limits else 1 for slot in self.up)

    def lives(self, slot: str, life: int) -> bool:
        """Whether the slot is still in that life."""
        return self.starts[slot] == life and slot not in self._lost

    def starts_in_vain(self, slot: str) -> bool:
        """Whether it has started too often without taking a job."""
        return self._idle_starts[slot] > IDLE_STARTS

    def comes_back(self, slot: str) -> bool:
        """Whether it was not sent home for good."""
        return slot not in self._sent_home

    def drains(self, slot: str) -> bool:
        """Whether a node of the slot will be taken away soon."""
        return not self.cluster.draining.isdisjoint(self._nodes.get(slot, ()))

    def on_gone_nodes(self) -> list[str]:
        """Slots considered up although a node of theirs is gone."""
        return [each for each in self.up if not self.cluster.gone.isdisjoint(self._nodes[each])]

    async def deserted(self) -> None:
        """Returns when no slot is up."""
        while self.up:
            self._departure.clear()
            await self._departure.wait()

    def states(self, tickets: Iterable[Ticket]) -> list[SlotState]:
        """The state of each slot, in the order of their first start."""
        slots = self.starts, self.up, self._devices, self._nodes
        told = self._sent_home, self._remarks, self._limits, self._sent_back
        return slot_states(*slots, tickets, *told)
