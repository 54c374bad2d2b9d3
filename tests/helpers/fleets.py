"""The fleet of a driver that has no Ray."""

from __future__ import annotations

import ray

from sweeps.run.driver.fleet import Fleet
from sweeps.run.driver.slot_room import SlotRoom
from trainables.slots.slot_size import SlotSize


class Unobserved:
    """An observer that has not started."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


class Lost:
    """A board whose process has ended: every call says so."""

    def __getattr__(self, name: str):
        def call(*arguments):
            raise ray.exceptions.RayActorError

        return call


def fleet_of(slots) -> Fleet:
    """Of these slots, with a board that is lost."""
    room = SlotRoom(count=1, lanes=1, grow=False)
    return Fleet(Lost(), slots, Unobserved(), room, SlotSize(1, 1.0, 0.0))
