"""The driver's processor time and memory per trial, as a sweep of many trials goes on.

    python -m benchmarks.many_trials.driver [--trials 1000] [--points 3] [--slots 1] [--home FOLDER]

Launches a sweep of toy trials of no length as `sweep launch` does, in this process. Nothing is
replaced: Ray Tune, the board, a slot's worker, records, Optuna's journal, MLflow in SQLite, and the
lines or the table of the display, which go to no terminal. What is counted is this process, with
its MLflow thread: not Ray's processes, whose memory is listed. A sweep that is in the folder is
resumed, and `--seconds` interrupts it, so that a long one may be measured in parts. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from results.records.record import TrialRecord
from sweeps.base.view import View
from sweeps.display.live import LiveView
from sweeps.display.plain import PlainView
from sweeps.home.home import SweepHome
from sweeps.run.launch import launch, resume
from sweeps.spec.spec import SweepSpec

NAME = "many"

_SETTLED = 50
"""Trials after which Ray's processes hold what they need."""


@dataclass(frozen=True)
class Mark:
    """The driver when a trial has ended: seconds of wall clock and of processor, and bytes."""

    wall: float
    processor: float
    resident: int

    @classmethod
    def now(cls) -> Mark:
        """At this moment."""
        resident = psutil.Process().memory_info().rss
        return cls(time.monotonic(), time.process_time(), resident)


class Marking(View):
    """Mixed into a display: a mark for each ended trial, and the memory of Ray's processes after
    some of them."""

    marks: list[Mark]
    rays: Mapping[str, int]

    def changed(self, record: TrialRecord) -> None:
        """Show it, then mark it."""
        super().changed(record)
        if record.status.ended:
            self.marks.append(Mark.now())
            if len(self.marks) % 100 == 0:
                print(len(self.marks), self.marks[-1], file=sys.stderr, flush=True)
            if len(self.marks) == _SETTLED:
                self.rays = rays_memory()


class Lines(Marking, PlainView):
    """The lines of a log."""


class Table(Marking, LiveView):
    """The live table."""


def spec_of(options: argparse.Namespace) -> SweepSpec:
    """The toy of sweeps/recipes/toy.yaml, with that many trials and evaluation points."""
    budget: dict[str, object] = {"trials": options.trials, "evaluations": options.points}
    if options.capped:
        budget["hours"] = 1000
    return SweepSpec.parse(
        {
            "name": NAME,
            "model": "toy",
            "objective": "toy",
            "budget": budget,
            "search": {"sampler": options.sampler, "seed": 1},
            "space": {
                "learning_rate": {"log_uniform": [1e-6, 1e-1]},
                "lora.rank": {"choice": [2, 4, 8, 16, 32, 64]},
                "schedule": {"choice": ["cosine", "wsd"]},
                "wsd.decay_fraction": {"uniform": [0.05, 0.4], "when": {"schedule": "wsd"}},
            },
            "slots": {"count": options.slots},
            "toy": {"diverge_above": 0.01},
        }
    )


def blocks(marks: Sequence[Mark], size: int) -> dict[str, dict[str, float]]:
    """Milliseconds per trial and megabytes at the end, for each block of trials."""
    found = {}
    for first in range(0, len(marks) - 1, size):
        begun, ended = marks[first], marks[min(first + size, len(marks) - 1)]
        count = min(size, len(marks) - 1 - first)
        found[f"{first} to {first + count}"] = {
            "processor_ms": round(1000 * (ended.processor - begun.processor) / count, 1),
            "wall_ms": round(1000 * (ended.wall - begun.wall) / count, 1),
            "megabytes": round(ended.resident / 2**20),
        }
    return found


def files(home: Path) -> dict[str, dict[str, float]]:
    """Files and megabytes below each part of the sweep home."""
    found: dict[str, list[int]] = defaultdict(list)
    for folder, _, names in os.walk(home):
        for name in names:
            path = Path(folder, name)
            parts = path.relative_to(home).parts
            part = "/".join(parts[2:3] if parts[0] == "sweeps" else parts[:1])
            found[part].append(path.lstat().st_size)
    return {
        part: {"files": len(sizes), "megabytes": round(sum(sizes) / 2**20, 1)}
        for part, sizes in sorted(found.items())
    }


def rays_memory() -> dict[str, int]:
    """Megabytes of each of Ray's processes now, by title; what several share is divided."""
    found: dict[str, int] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            title = process.cmdline()[0].split()[0]
            found[f"{title} {process.pid}"] = round(process.memory_full_info().pss / 2**20)
        except (psutil.Error, IndexError):
            continue
    return found


def measured(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Run the sweep, and say what it took."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(file=nowhere, force_terminal=options.live, width=120)
        view = Table(console) if options.live else Lines(console)
        view.marks, view.rays = [], {}
        begun = Mark.now()
        with view, _stopped_after(options.seconds):
            if (home / "sweeps" / NAME).exists():
                resume(NAME, SweepHome(home), view)
            else:
                launch(spec_of(options), SweepHome(home), view)
        ended = Mark.now()
    marks = view.marks
    return {
        "trials": len(marks),
        "first_trial_after_seconds": round(marks[0].wall - begun.wall, 1),
        "by_trials": blocks(marks, options.block),
        "end_seconds": round(ended.wall - marks[-1].wall, 1),
        "end_processor_seconds": round(ended.processor - marks[-1].processor, 1),
        "peak_megabytes": round(max(mark.resident for mark in [*marks, ended]) / 2**20),
        "rays_megabytes": dict(view.rays),
        "files": files(home),
    }


@contextmanager
def _stopped_after(seconds: float | None) -> Iterator[None]:
    """Press Ctrl-C after so many seconds of the block."""
    timer = threading.Timer(seconds or 0.0, os.kill, [os.getpid(), signal.SIGINT])
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--points", type=int, default=3)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--block", type=int, default=100)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--live", action="store_true", help="the table instead of lines")
    parser.add_argument("--capped", action="store_true", help="with a cap that is never reached")
    parser.add_argument("--seconds", type=float, help="then the sweep is interrupted")
    parser.add_argument("--home", type=Path, help="kept; unset: a temporary folder")
    return parser.parse_args()


def main() -> None:
    """Measure one sweep."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(options, options.home or Path(folder)), indent=1))


if __name__ == "__main__":
    main()
