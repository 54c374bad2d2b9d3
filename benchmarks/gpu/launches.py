"""The cost of kernel launches: a micro-batch of 512 tokens against one of 4,096.

If launching kernels takes longer than their work, the small one takes as long as the large one.
The nearer their ratio is to 1, the more would be gained by training several trials at once.
"""

from __future__ import annotations

import argparse

from benchmarks.gpu.course import Load, config_of, train
from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import inputs
from trainables.training.workshop import Workshop

LENGTH = 512
SEQUENCES = (1, 8)
ACCUMULATION = 4
"""Micro-batches per step; several, so that the optimizer's own time counts little."""


def measure(options: argparse.Namespace) -> Finding:
    """Train both."""
    length = 16 if options.tiny else LENGTH
    workshop = Workshop(inputs(options.work, length, options.tiny))
    small, large = (_milliseconds(workshop, Load(n, length, 10)) for n in SEQUENCES)
    tokens = [n * length for n in SEQUENCES]
    figures = {
        f"ms, {tokens[0]} tokens": round(small, 2),
        f"ms, {tokens[1]} tokens": round(large, 2),
        "ratio": round(large / small, 2),
        f"gain of {SEQUENCES[1]} packed, at most": round(SEQUENCES[1] * small / large, 2),
    }
    return Finding(figures)


def _milliseconds(workshop: Workshop, load: Load) -> float:
    """Milliseconds of one micro-batch of a LoRA trial in bf16, forward and backward."""
    config = config_of(load).with_params({"batch_size": load.sequences * ACCUMULATION})
    watch, _ = train(workshop, config)
    return 1000 * watch.seconds_per_step() / ACCUMULATION


if __name__ == "__main__":
    report(measure)
