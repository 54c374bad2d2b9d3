"""Successive trials in one process, as in a warm slot: memory must stay constant."""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from benchmarks.gpu import memory
from benchmarks.gpu.course import config_of, train, usual_load
from benchmarks.gpu.finding import Figure, Finding, report
from benchmarks.gpu.material import inputs
from trainables.training.workshop import Workshop

TRIALS = 20
SETTLING = 3
"""Number of trials until everything permanent is loaded."""

TOLERANCE = {"cuda": 1.0, "cpu": 64.0}
"""Maximum growth of memory from then on, in MiB."""

RANKS = (4, 8, 16, 32, 64)


def measure(options: argparse.Namespace) -> Finding:
    """Train them, and measure the memory after each."""
    load = replace(usual_load(options.tiny), steps=4)
    workshop = Workshop(inputs(options.work, load.length, options.tiny))
    held, seconds = [], []
    for number in range(TRIALS):
        config = config_of(load, lora__rank=RANKS[number % len(RANKS)], seed=number)
        watch, _ = train(workshop, config)
        held.append(round(memory.held(), 2))
        seconds.append(watch.times[-1] - watch.times[0])
    growth = max(held[SETTLING:]) - held[SETTLING - 1]
    figures: dict[str, Figure] = {
        "trials": TRIALS,
        "held after the third, MiB": held[SETTLING - 1],
        "held after the last, MiB": held[-1],
        "growth, MiB": round(growth, 2),
        "held after each, MiB": held,
        "training seconds of each": [round(each, 3) for each in seconds],
    }
    allowed = TOLERANCE["cuda" if torch.cuda.is_available() else "cpu"]
    return Finding(figures, f"grew by {growth:.1f} MiB" if growth > allowed else None)


if __name__ == "__main__":
    report(measure)
