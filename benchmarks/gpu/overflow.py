"""A trial too large for memory, then one that fits, in the same process."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import torch

from benchmarks.gpu import memory
from benchmarks.gpu.course import Load, config_of, train, usual_load
from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import inputs, main_shape
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor
from trainables.training.memory import is_out_of_memory, release_memory
from trainables.training.workshop import Workshop

TOLERANCE = 32.0
"""Maximum change of memory after the failure, in MiB; libraries may take their workspaces."""


def measure(options: argparse.Namespace) -> Finding:
    """Fit, overflow, fit again."""
    load = replace(usual_load(options.tiny), steps=6)
    workshop = Workshop(inputs(options.work, load.length, options.tiny))
    fits = config_of(load)
    watch, _ = train(workshop, fits)
    before = memory.held()
    error = _overflow(workshop, _too_large(load, main_shape(options.tiny).vocabulary))
    release_memory()
    after = memory.held()
    again, _ = train(workshop, fits)
    figures = {
        "error": error,
        "held before, MiB": round(before, 1),
        "held after the failure, MiB": round(after, 1),
        "held at the end, MiB": round(memory.held(), 1),
        "loss before": watch.losses[-1],
        "loss after": again.losses[-1],
    }
    if error is None:
        return Finding(figures, "the trial that was to be too large fitted")
    # On a CPU this is the resident size, which may still include freed memory.
    grown = after - before if torch.cuda.is_available() else 0.0
    return Finding(figures, f"{grown:.0f} MiB are still held" if grown > TOLERANCE else None)


def _too_large(load: Load, vocabulary: int) -> TrialConfig:
    """A trial whose logits alone, at two bytes each, need twice the card's memory."""
    sequences = 2 * memory.room() // (2 * vocabulary * load.length)
    return config_of(replace(load, sequences=sequences, steps=1))


def _overflow(workshop: Workshop, config: TrialConfig) -> str | None:
    """The trial's error, which a slot must recognise as a lack of memory."""
    try:
        with _little_memory():
            workshop.train(config, Monitor())
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return type(error).__name__
    return None


@contextmanager
def _little_memory() -> Iterator[None]:
    """Limit the memory on a CPU, which would otherwise use all of the machine's."""
    if torch.cuda.is_available():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = psutil.Process().memory_info().vms + memory.room()
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


if __name__ == "__main__":
    report(measure)
