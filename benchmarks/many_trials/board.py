"""A board with many slots: whether it still answers, how fast, and what it holds.

    python -m benchmarks.many_trials.board [--slots 100,1000] [--points 3]

The board is the sweep's own, an actor of a Ray that is started for this. Slots and trials are
calls from this process: as in a sweep, each slot has one call open that waits to be told to end its
trial, and each trial's client one that waits for its next evaluation; the others wait for a job.
Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import psutil
import ray

from sweeps.cluster.ray_session import ON_HEAD, cluster
from trainables.board.board import Board
from trainables.board.board_client import BoardClient
from trainables.board.job import Job
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Cost, Ending, Evaluation, Outcome

PATIENCE = 20.0
"""Seconds for the answers to one call of each slot."""

_SETTLED = 3.0
"""Seconds until all calls sent have begun."""


def simulated(slots: int, points: int) -> dict[str, Any]:
    """A trial in each of so many slots, from its start to its end."""
    board = BoardClient.start({"eval_loss": "min"}, 1, 1, ON_HEAD)
    config = TrialConfig.model_validate(
        {"model": "toy", "objective": "toy", "budget": {"evaluations": points}}
    )
    names = [str(number) for number in range(slots)]
    times = {}
    begun = time.monotonic()
    try:
        board_memory = _memory()
        times["start"] = _all(
            [
                call
                for name in names
                for call in (
                    board._send(Board.hello, f"slot-{name}"),
                    board._send(Board.submit, Job(name, config, Path("/nowhere"))),
                )
            ]
        )
        times["take"] = _all([board._send(Board.take, f"slot-{n}", 1, 1.0) for n in names])
        answered = _answers_to_idle_slots(board, slots, config)
        for point in range(1, points + 1):
            waiting = [board.send_event(name, point - 1) for name in names]
            wishes = [board.send_wish(name) for name in names] if point == 1 else []
            measured = Evaluation(point, point, {"eval_loss": 1.0 / point}, Cost())
            reports = [board._send(Board.evaluated, name, measured) for name in names]
            times[f"evaluation {point}"] = _all(reports)
            _all(waiting)
            del wishes
        times["overview"] = _all([board._send(Board.overview)])
        times["end"] = _all(
            [board._send(Board.ended, name, Outcome(Ending.COMPLETE)) for name in names]
        )
    except ray.exceptions.GetTimeoutError:
        return {"stuck_after_seconds": round(time.monotonic() - begun, 1), "done": times}
    return {
        "milliseconds_a_call": {n: round(1000 * t / slots, 2) for n, t in times.items()},
        "idle_slots_answered_for_one_job": answered,
        "board_megabytes": {"before": board_memory, "after": _memory()},
    }


def _answers_to_idle_slots(board: BoardClient, slots: int, config: TrialConfig) -> int:
    """How many of as many idle slots are answered when a job comes for one of them."""
    others = [f"idle-{number}" for number in range(slots)]
    _all([board._send(Board.hello, name) for name in others])
    asking = [board._send(Board.take, name, 1, 4 * _SETTLED) for name in others]
    time.sleep(_SETTLED)
    board.submit(Job("one more", config, Path("/nowhere")))
    time.sleep(_SETTLED)
    answered = sum(call.has_come() for call in asking)
    _all(asking)
    return answered


def _all(calls: list[Any]) -> float:
    """Seconds until all have been answered."""
    begun = time.monotonic()
    for call in calls:
        call.get(PATIENCE)
    return time.monotonic() - begun


def _memory() -> int:
    """Megabytes of the board's process; 0 before it has started."""
    for process in psutil.Process().children(recursive=True):
        if "Board" in " ".join(process.cmdline()):
            return round(process.memory_info().rss / 2**20)
    return 0


def main() -> None:
    """Measure boards of several sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slots", default="100,1000")
    parser.add_argument("--points", type=int, default=3)
    options = parser.parse_args()
    with cluster(None):
        found = {slots: simulated(int(slots), options.points) for slots in options.slots.split(",")}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
