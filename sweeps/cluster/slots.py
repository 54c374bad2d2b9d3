"""The sweep's slots: each an actor on the head node that holds one Ray Train run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ray

from sweeps.base.errors import LaunchError
from sweeps.cluster.sent_calls import SentCalls
from trainables.board.board_client import BoardClient
from trainables.board.nodes import LOOK_EVERY, look
from trainables.core.background import Background, Tell, logged
from trainables.lanes.limits import AutoLanes
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_setup import SlotSetup
from trainables.slots.slot_size import SlotSize
from trainables.training.inputs import Inputs

_SPARE_RESTARTS = 3
"""Deaths of a slot not caused by a trial, such as those at its start."""

_LOOK_EVERY = 0.25
"""Seconds between two checks whether all slots are alive."""


class Slots:
    """`count` slots at a board. The board closes when no slot is left, so that nothing waits.

    `sent` are the asynchronous calls to the board; `tell` is told of breakdowns.
    """

    def __init__(
        self,
        board: BoardClient,
        resources: dict[str, float],
        tell: Tell = logged,
    ) -> None:
        self.sent = SentCalls(board, tell)
        self._board = board
        self._resources = resources
        self._tell = tell
        self._tasks: list[ray.ObjectRef] = []
        self._drivers: dict[ray.ObjectRef, ray.actor.ActorHandle] = {}
        self._deaths: dict[str, str] = {}
        self._stop = threading.Event()
        loss = "slot failures are no longer detected; press Ctrl-C if the sweep hangs"
        self._watch = Background("slots", self._watch_over, loss, tell)

    def start(
        self,
        count: int,
        size: SlotSize,
        safeguards: Safeguards,
        inputs: Inputs | None,
        folder: Path,
        deaths: int,
        lanes: int | AutoLanes = 1,
    ) -> None:
        """Start the slots; they come up in the background."""
        restarts = deaths + _SPARE_RESTARTS
        actor = ray.remote(SlotDriver).options(num_cpus=0, resources=self._resources)
        for number in range(count):
            driver, name = actor.remote(), f"slot-{number}"
            setup = SlotSetup(name, size, safeguards, self._board, inputs, folder, restarts, lanes)
            task = driver.run.remote(_run, setup)
            self._tasks.append(task)
            self._drivers[task] = driver
        # In the board's process: a thread waiting for Ray here would delay the driver's end.
        self.sent.watch(look, LOOK_EVERY)
        self._watch.start()

    def close(self, patience: float, winding_up: float) -> None:
        """Stop the slots, waiting at most `patience` seconds for current steps, and `winding_up`
        for Ray Train once all have stopped."""
        self._stop.set()
        try:
            self._watch.join()
            with suppress(ray.exceptions.RayError):  # if the board is gone, nothing waits
                self._board.close("the sweep is over")
                self._board.deserted(patience)
                patience = min(patience, winding_up)
            ray.wait(self._tasks, num_returns=max(1, len(self._tasks)), timeout=patience)
            self.sent.look()
        finally:  # even after Ctrl-C: nothing else frees their resources
            _, late = ray.wait(self._tasks, num_returns=max(1, len(self._tasks)), timeout=0)
            for task in late:
                if driver := self._drivers.get(task):
                    ray.kill(driver)
            self._drivers.clear()  # and the others' processes end

    def lost(self) -> str | None:
        """Why no slot is left; None while there is one, or if unknown."""
        with suppress(ray.exceptions.RayActorError):
            return self._board.why_closed()
        return None

    def refuse_if_fewer(self, fewest: int) -> None:
        """LaunchError if fewer slots than `fewest` are left, since others failed permanently."""
        deaths = dict(self._deaths)  # the watch may be adding to it
        left = len(self._tasks) - len(deaths)
        if left < fewest and deaths:
            raise LaunchError(
                f"slots.min: {fewest} slots must be up before the first trial, but only {left} "
                f"left: {'; '.join(f'{name}: {why}' for name, why in deaths.items())}"
            )

    def _watch_over(self) -> None:
        names = {task: f"slot-{number}" for number, task in enumerate(self._tasks)}
        open_tasks, why = list(self._tasks), "all slots have ended"
        while open_tasks and not self._stop.is_set():
            ended, open_tasks = ray.wait(open_tasks, timeout=_LOOK_EVERY)
            for task in ended:
                self._drivers.pop(task, None)  # its process ends
                cause = _cause_of_death(task)
                why = cause or why
                if cause and open_tasks and not self._stop.is_set():
                    self._deaths[names[task]] = cause
                    self._tell(
                        f"{names[task]} failed permanently ({cause}); the sweep continues with "
                        f"{len(open_tasks)} of {len(self._tasks)} slots"
                    )
            self.sent.look()
        if not self._stop.is_set():
            with suppress(ray.exceptions.RayError):  # the driver notices a lost board itself
                self._board.close(f"no slot is left: {why}")


class SlotDriver:
    """The process of a slot on the head: an actor, as Train's controller is, which runs in it."""

    def run(self, work: Callable[[SlotSetup], None], setup: SlotSetup) -> None:
        """Run the slot until it is no longer wanted."""
        work(setup)


def _run(setup: SlotSetup) -> None:
    # Imported here, not in the driver: it needs Ray Train.
    from trainables.slots.slot_run import run_slot

    run_slot(setup)


def _cause_of_death(task: ray.ObjectRef) -> str | None:
    try:
        ray.get(task)
    except ray.exceptions.RayError as error:
        return str(getattr(error, "cause", None) or error).strip().splitlines()[-1]
    return None
