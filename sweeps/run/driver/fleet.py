"""The fleet of a running sweep: its board, its slots, and the observer that records them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from results.records.cluster_record import ClusterRecord
from results.records.store import RecordStore
from sweeps.cluster.observer import Observer, lanes_on_record
from sweeps.cluster.ray_nodes import rooms
from sweeps.cluster.ray_session import ON_HEAD
from sweeps.cluster.slots import Slots
from sweeps.home.home import SweepFolder
from sweeps.run.driver.slot_room import SlotRoom
from sweeps.run.repeats import most_repeats
from sweeps.search.lanes import lanes_said
from sweeps.spec.capacity import plan_slots
from sweeps.spec.spec import SweepSpec
from trainables.board.board_client import BoardClient
from trainables.core.background import Tell
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_size import SlotSize
from trainables.slots.slot_storage import SlotStorage
from trainables.training.inputs import Inputs


@dataclass(frozen=True)
class Fleet:
    """`room` is what the slots hold, `size` that of each of them."""

    board: BoardClient
    slots: Slots
    observer: Observer
    room: SlotRoom
    size: SlotSize

    @classmethod
    def of(
        cls,
        spec: SweepSpec,
        store: RecordStore,
        broken: Tell,
        seen: Callable[[ClusterRecord], None],
    ) -> Fleet:
        """A board without slots yet, on the nodes of this Ray; CapacityError if they do not fit.

        `broken` is told of breakdowns; `seen` gets each record of the observer.
        """
        settings, search = spec.slots, spec.search
        count, size = plan_slots(settings, rooms(), max(spec.trials, most_repeats(spec)))
        board = BoardClient.start(
            search.goals, settings.retries, settings.keep_best, ON_HEAD, search.patience
        )
        board.know_lanes(lanes_on_record(store))
        lanes, prices = lanes_said(spec), settings.prices
        observer = Observer(board, count, size, store, prices, broken, seen, lanes)
        slots = Slots(board, ON_HEAD, broken)
        return cls(board, slots, observer, SlotRoom.of(spec, count), size)

    def start(
        self,
        spec: SweepSpec,
        inputs: Inputs | None,
        folder: SweepFolder,
        storage: SlotStorage | None,
    ) -> None:
        """Start the slots and the observer; the slots come up in the background."""
        settings, room = spec.slots, self.room
        safeguards = Safeguards(settings.checkpoint_seconds, settings.trial_timeout, storage)
        deaths = (spec.trials + most_repeats(spec)) * (settings.retries + 1)
        self.slots.start(room.count, self.size, safeguards, inputs, folder.ray, deaths, room.lanes)
        self.observer.start()

    def __str__(self) -> str:
        return f"{self.room} of {self.size}"
