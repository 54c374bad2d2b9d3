"""One trial of a method in a precision: speed, utilisation and memory.

With --slot it trains inside a process group, like a slot's only worker. --attention and --compile
are the trial's settings.
"""

from __future__ import annotations

import argparse

from benchmarks.gpu import memory
from benchmarks.gpu.course import config_of, pace, train, usual_load
from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import inputs, main_shape
from benchmarks.gpu.slot import join_group_of_one
from trainables.training.workshop import Workshop


def measure(options: argparse.Namespace) -> Finding:
    """Train it."""
    if options.slot:
        join_group_of_one()
    load = usual_load(options.tiny)
    kernels = {"attention": options.attention or "auto", "compile": bool(options.compile)}
    config = config_of(load, method=options.method, precision=options.precision, **kernels)
    workshop = Workshop(inputs(options.work, load.length, options.tiny))
    watch, trained = train(workshop, config)
    figures = pace(config, load, main_shape(options.tiny), watch, trained)
    return Finding({**figures, **memory.peaks(), "trained parameters": trained})


if __name__ == "__main__":
    report(measure, "--method", "--precision", "--attention", "--slot", "--compile")
