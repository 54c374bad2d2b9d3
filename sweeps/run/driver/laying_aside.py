"""Trials under way laid aside: each writes a checkpoint, from which a resume continues it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeps.books.recorder import Recorder
    from trainables.board.board_client import BoardClient

_SAVING = 300.0
"""Seconds for trials to write a checkpoint: a step, an evaluation, and the weights of a large
model."""


def lay_aside(
    board: BoardClient, recorders: Iterable[Recorder], ask: Callable[[float], None]
) -> None:
    """`ask` the board, within seconds, to end what trains, and record the last measurements.

    A failure costs only time.
    """
    import ray

    with suppress(ray.exceptions.RayError, KeyboardInterrupt):
        ask(_SAVING)
    with suppress(ray.exceptions.RayError, KeyboardInterrupt):
        measured = board.measured()
        for recorder in recorders:
            recorder.catch_up(measured)
