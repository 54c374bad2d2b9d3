"""Full fine-tuning under ZeRO-2 with the optimizer in the host's memory, on one GPU."""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks.gpu import memory
from benchmarks.gpu.course import config_of, pace, train, usual_load
from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import inputs, main_shape
from benchmarks.gpu.slot import join_group_of_one
from trainables.training.workshop import Workshop


def measure(options: argparse.Namespace) -> Finding:
    """Train it in a slot's process group, which DeepSpeed needs."""
    join_group_of_one()
    load = replace(usual_load(options.tiny), steps=8)
    engine = {"zero_stage": 2, "offload_optimizer": "cpu"}
    config = config_of(load, method="full", deepspeed=engine)
    workshop = Workshop(inputs(options.work, load.length, options.tiny))
    watch, trained = train(workshop, config)
    figures = pace(config, load, main_shape(options.tiny), watch, trained)
    return Finding({**figures, **memory.peaks()})


if __name__ == "__main__":
    report(measure)
