"""The arguments that start a slot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainables.board.board_client import BoardClient
from trainables.lanes.limits import AutoLanes
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_size import SlotSize
from trainables.training.inputs import Inputs


@dataclass(frozen=True)
class SlotSetup:
    """Ray Train keeps its own files in `folder`; dead workers are restarted up to `restarts` times.
    A toy's slot has no `inputs`. `lanes` is the number of trials that may share its base, or how
    the slot finds it."""

    name: str
    size: SlotSize
    safeguards: Safeguards
    board: BoardClient
    inputs: Inputs | None
    folder: Path
    restarts: int
    lanes: int | AutoLanes = 1
