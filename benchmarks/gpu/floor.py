"""The launch floor of a lone step, which decides what lanes can gain.

One lane of a LoRA trial in bf16, forward, backward and optimizer: with 16 tokens a step takes as
long as its launches; where a step with more tokens takes no longer, others could train beside it.
"""

from __future__ import annotations

import argparse

from benchmarks.gpu.finding import Figure, Finding, keep, report
from benchmarks.gpu.lane_course import LaneLoad, milliseconds
from benchmarks.gpu.material import inputs
from trainables.training.workshop import Workshop

SHAPES = ((1, 16), (1, 256), (2, 256), (8, 256), (16, 256))
"""Sequences and their length."""


def measure(options: argparse.Namespace) -> Finding:
    """Time a step of each size."""
    figures: dict[str, Figure] = {}
    for rows, length in SHAPES:
        asked = 16 if options.tiny else length
        workshop = Workshop(inputs(options.work, asked, options.tiny))
        figures[f"ms, {rows} x {length}"] = round(
            milliseconds(workshop, LaneLoad("lora", 1, rows, asked)), 2
        )
        keep(options, Finding(figures))
    small, large = figures["ms, 1 x 256"], figures["ms, 16 x 256"]
    assert isinstance(small, float) and isinstance(large, float)
    return Finding(
        {**figures, "gain of 16 lanes of 1 x 256, at most": round(16 * small / large, 2)}
    )


if __name__ == "__main__":
    report(measure)
