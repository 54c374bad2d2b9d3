"""A trial interrupted half way and resumed from its checkpoint, against an uninterrupted one."""

from __future__ import annotations

import argparse

import torch

from benchmarks.gpu.course import Load, config_of, train
from benchmarks.gpu.finding import Figure, Finding, report
from benchmarks.gpu.material import small_inputs
from benchmarks.gpu.stopwatch import Stopwatch
from trainables.core.evaluation import Ending
from trainables.training.checkpoints import Checkpoints
from trainables.training.workshop import Workshop

LOAD = Load(sequences=4, length=64, steps=8)

TOLERANCE = 1e-2
"""Maximum difference in nats: with dropout, other random numbers would cause a larger one."""


class LaidAside(Stopwatch):
    """Ends the trial after half of its steps."""

    def asked_to_end(self) -> Ending | None:
        """Called after each step."""
        super().asked_to_end()
        return Ending.SUSPENDED if len(self.times) == LOAD.steps // 2 else None


def measure(options: argparse.Namespace) -> Finding:
    """Train both; on a GPU in fp16, whose scaler has its own state."""
    precision = "fp16" if torch.cuda.is_available() else "bf16"
    workshop = Workshop(small_inputs(options.work, LOAD.length, options.tiny))
    config = config_of(LOAD, precision=precision, learning_rate=1e-3, lora__dropout=0.3)
    undisturbed = train(workshop, config)[0].losses[-1]
    checkpoints = Checkpoints(options.work / "checkpoints", float("inf"), "one")
    ending = workshop.train(config, LaidAside(LOAD.steps), checkpoints).ending
    assert ending is Ending.SUSPENDED, "it was laid aside"
    watch = Stopwatch(LOAD.steps)
    workshop.train(config, watch, checkpoints)
    difference = abs(watch.losses[-1] - undisturbed)
    figures: dict[str, Figure] = {
        "precision": precision,
        "steps after": len(watch.times),
        "loss undisturbed": undisturbed,
        "difference": difference,
    }
    return Finding(figures, f"differs by {difference:.2g}" if difference > TOLERANCE else None)


if __name__ == "__main__":
    report(measure)
