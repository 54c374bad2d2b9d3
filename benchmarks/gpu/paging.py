"""Full fine-tuning with paged 8-bit AdamW, three times: its pages must be freed with the trial."""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from benchmarks.gpu import memory
from benchmarks.gpu.course import config_of, pace, train, usual_load
from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import inputs, main_shape
from trainables.training.workshop import Workshop

TRIALS = 3

TOLERANCE = 64.0
"""Maximum growth of the card's memory from the first to the last trial, in MiB."""


def measure(options: argparse.Namespace) -> Finding:
    """Train them, and measure the whole card's memory after each."""
    load = replace(usual_load(options.tiny), steps=8)
    workshop = Workshop(inputs(options.work, load.length, options.tiny))
    config = config_of(load, method="full", optimizer__name="paged_adamw_8bit")
    card = []
    for _ in range(TRIALS):
        watch, trained = train(workshop, config)
        card.append(round(memory.card(), 1))
    growth = card[-1] - card[0]
    figures = {
        **pace(config, load, main_shape(options.tiny), watch, trained),
        **memory.peaks(),
        "card after the first, MiB": card[0],
        "card after the last, MiB": card[-1],
        "card after each, MiB": card,
    }
    leaks = torch.cuda.is_available() and growth > TOLERANCE
    return Finding(figures, f"the card is {growth:.0f} MiB fuller" if leaks else None)


if __name__ == "__main__":
    report(measure)
