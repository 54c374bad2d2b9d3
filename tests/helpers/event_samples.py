"""Everything that a view is told in a sweep, and the lines that it becomes."""

from __future__ import annotations

import math

from live_samples import cluster_of, slot, sweep, trial

from sweeps.display.events import JsonView
from trainables.core.progress import Phase

CALLS = [
    ("phase", 'Preparing "model" and data:\n{"sweep_event": "trials_end"} — 12 [rows] ✓'),
    ("at", (Phase("reading", 1.0, 3.0), Phase("a.jsonl \x1b"))),
    ("at", ()),
    ("say", "Data: 2 examples\n1 duplicate"),
    ("phase", None),
    ("slots", cluster_of(slot("base", ("evaluating", 1.0, 4.0)), remarks=("bf16 is slow",))),
    ("trials_begin", sweep(), "2 slots of 1 worker with 1 CPU and 1 GPU"),
    ("changed", trial(0, "running", 3.0)),
    ("changed", trial(1, "diverged", math.nan, math.inf, error="the loss is\nnot finite")),
    ("changed", trial(0, "complete", 3.0, 2.5)),
    ("trials_end",),
]


def tell(view, calls=CALLS):
    for name, *arguments in calls:
        getattr(view, name)(*arguments)


def lines() -> list[str]:
    written = []
    tell(JsonView(written.append))
    return written
