"""The sweep's slots: each a task on the head node that holds one Ray Train run."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray

from trainables.gang import Care, Gang
from trainables.inputs import Inputs
from trainables.nodes import LOOK_EVERY, look

_SPARE_RESTARTS = 3
"""Deaths of a slot that no trial has to answer for, such as those at its start."""

_LOOK_EVERY = 0.25
"""Seconds between two looks at whether all slots are alive."""


class Slots:
    """`count` slots at a board. When none is left alive the board is closed, so nobody waits."""

    def __init__(self, board: Any, resources: dict[str, float]) -> None:
        self._board = board
        self._resources = resources
        self._tasks: list[Any] = []
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._watch_over, name="slots", daemon=True)

    def start(
        self, count: int, gang: Gang, care: Care, inputs: Inputs | None, folder: Path, deaths: int
    ) -> None:
        """Start the slots; they come up in the background."""
        task = ray.remote(_run).options(num_cpus=0, resources=self._resources, max_retries=0)
        self._tasks = [
            task.remote(f"slot-{number}", gang, care, self._board, inputs, folder, deaths)
            for number in range(count)
        ]
        # In the board's process: a thread here that waits for Ray would hold the driver's end up.
        self._board.watch.remote(look, LOOK_EVERY)
        self._watch.start()

    def close(self, patience: float, winding_up: float) -> None:
        """Send the slots home, waiting at most `patience` seconds for steps that are under way,
        and `winding_up` for Ray Train once all have left."""
        self._stop.set()
        if self._watch.is_alive():
            self._watch.join()
        with suppress(ray.exceptions.RayError):  # nobody waits at a board that is gone
            ray.get(self._board.close.remote("the sweep is over"))
            ray.get(self._board.deserted.remote(), timeout=patience)
            patience = min(patience, winding_up)
        _, late = ray.wait(self._tasks, num_returns=len(self._tasks), timeout=patience)
        for task in late:
            ray.cancel(task, force=True)

    def lost(self) -> str | None:
        """Why there is no slot any more; None while there is one, and when nobody can tell."""
        with suppress(ray.exceptions.RayActorError):
            why: str | None = ray.get(self._board.why_closed.remote())
            return why
        return None

    def _watch_over(self) -> None:
        open_tasks, why = list(self._tasks), "all slots have ended"
        while open_tasks and not self._stop.is_set():
            ended, open_tasks = ray.wait(open_tasks, timeout=_LOOK_EVERY)
            for task in ended:
                why = _cause_of_death(task) or why
        if not self._stop.is_set():
            with suppress(ray.exceptions.RayError):  # the driver misses its board by itself
                ray.get(self._board.close.remote(f"no slot is left: {why}"))


def _run(
    name: str, gang: Gang, care: Care, board: Any, inputs: Inputs | None, folder: Path, n: int
) -> None:
    # Imported here, not in the driver: it needs torch.
    from trainables.slot import run_slot

    run_slot(name, gang, care, board, inputs, folder, restarts=n + _SPARE_RESTARTS)


def _cause_of_death(task: Any) -> str | None:
    try:
        ray.get(task)
    except ray.exceptions.RayError as error:
        return str(getattr(error, "cause", None) or error).strip().splitlines()[-1]
    return None
