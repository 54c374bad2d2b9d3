"""Slots that are up: waited for before the first trial, and asked for a free lane."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sweeps.base.view import View
from sweeps.spec.settings import SlotsSettings

if TYPE_CHECKING:
    from sweeps.books.recorder import Recorder
    from sweeps.cluster.slots import Slots
    from trainables.board.board_client import BoardClient


def has_room(settings: SlotsSettings, board: BoardClient, recorder: Recorder) -> bool:
    """Whether a running slot has a free lane; before the first is up, its trials may wait."""
    import ray

    each = 1 if settings.finds_lanes else settings.most_lanes
    if settings.max is None and not settings.finds_lanes:
        return True  # all slots are starting, and Tune has at most one trial for each lane
    try:
        lanes = board.lanes() if settings.finds_lanes else board.alive() * each
    except ray.exceptions.RayActorError:
        return False  # the clients of running trials notice, too
    return recorder.under_way() < max(each, lanes)


def wait_for_slots(
    fewest: int, board: BoardClient, slots: Slots, view: View, check: Callable[[], object]
) -> None:
    """Wait until the `fewest` slots are up; `check` raises what ends the wait."""
    if fewest > 1:
        view.phase(f"Waiting for {fewest} slots")
    while board.alive() < fewest and slots.lost() is None:
        check()
        slots.refuse_if_fewer(fewest)
        time.sleep(0.5)
