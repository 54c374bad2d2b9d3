"""Losses of a small LoRA trial on the GPU against those of the same trial on the CPU."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from benchmarks.gpu.course import Load, config_of, train
from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import small_inputs
from trainables.training.workshop import Workshop

LOAD = Load(sequences=4, length=64, steps=10)

TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2}
"""Maximum difference of a loss at any step, in nats."""


def measure(options: argparse.Namespace) -> Finding:
    """Train on both: in this process on the GPU, in another on the CPU."""
    if options.on_cpu:
        return Finding(_losses(options))
    out = options.out.with_suffix(".cpu.json")
    command = [sys.executable, "-m", "benchmarks.gpu.agreement", "--work", str(options.work)]
    command += ["--out", str(out), "--on-cpu", *(["--tiny"] if options.tiny else [])]
    with subprocess.Popen(command, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}) as cpu:
        here = _losses(options)
    if cpu.returncode:
        raise RuntimeError(f"the trial on the CPU ended with exit code {cpu.returncode}")
    there = json.loads(out.read_text(encoding="utf-8"))["figures"]
    return _compared(here, there)


def _compared(here: dict[str, list[float]], there: dict[str, list[float]]) -> Finding:
    figures: dict[str, float | list[float]] = {}
    faults = []
    for precision, allowed in TOLERANCE.items():
        pairs = zip(here[precision], there[precision], strict=True)
        most = max(abs(one - other) for one, other in pairs)
        figures[f"largest difference in {precision}"] = float(f"{most:.2g}")
        figures[f"{precision} here"] = here[precision]
        figures[f"{precision} on the CPU"] = there[precision]
        if most > allowed:
            faults.append(f"{precision} losses differ by {most:.2g}")
    return Finding(figures, "; ".join(faults) or None)


def _losses(options: argparse.Namespace) -> dict[str, list[float]]:
    workshop = Workshop(small_inputs(options.work, LOAD.length, options.tiny))
    losses = {}
    for precision in TOLERANCE:
        config = config_of(LOAD, precision=precision, learning_rate=1e-3)
        config = config.with_params({"budget.evaluations": LOAD.steps})
        losses[precision] = train(workshop, config)[0].losses
    return losses


if __name__ == "__main__":
    report(measure, "--on-cpu")
