"""Trials in lanes against the same alone: in one lane, through the Trainer, and compiled.

--model main --method lora --lanes 16 --rows 1 --length 256 [--compiled]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from benchmarks.gpu import memory
from benchmarks.gpu.course import train
from benchmarks.gpu.finding import Figure, Finding, keep, report
from benchmarks.gpu.lane_course import LaneLoad, milliseconds
from benchmarks.gpu.material import inputs_of
from benchmarks.lanes.found import Found
from trainables.lanes.limits import MOST
from trainables.training.workshop import Workshop

LEAST = 0.97
"""What lanes chosen by themselves must reach of one lane's tokens per second."""


def measure(options: argparse.Namespace) -> Finding:
    """Train all ways, and compare their tokens per second."""
    length = 16 if options.tiny else int(options.length)
    load = LaneLoad(options.method, int(options.lanes), int(options.rows), length)
    alone = LaneLoad(load.method, 1, load.rows, length)
    workshop = Workshop(inputs_of(options.work, options.model, length, options.tiny))
    rates = {
        "one lane": alone.tokens / milliseconds(workshop, alone),
        "lanes": load.tokens / milliseconds(workshop, load),
    }
    known: dict[str, Figure] = {"peak of lanes, MiB": memory.peaks()["peak allocated, MiB"]}
    keep(options, _compared(rates, known, options))
    found = Found(MOST)
    milliseconds(workshop, alone, found.limits)  # finds how many pay
    limits = found.first
    known = {"fit": limits.fit, "pay": limits.pay, **known}
    chosen = LaneLoad(load.method, min(load.lanes, limits.lanes), load.rows, length)
    rates["auto"] = chosen.tokens / milliseconds(workshop, chosen, found.limits)
    ways = {"Trainer": False}
    if options.compiled and not options.tiny:
        ways["Trainer, compiled"] = True  # last: without a C compiler it fails
    for way, compiled in ways.items():
        keep(options, _compared(rates, known, options))
        rates[way] = alone.tokens / _in_trainer(workshop, alone, compiled)
    return _compared(rates, known, options)


def _compared(
    rates: Mapping[str, float], known: Mapping[str, Figure], options: argparse.Namespace
) -> Finding:
    figures: dict[str, Figure] = {
        **{f"{name}, tokens/s": round(1000 * rate) for name, rate in rates.items()},
        **{f"lanes / {n}": round(rates["lanes"] / r, 2) for n, r in rates.items() if n != "lanes"},
        **known,
        "goal": options.goal,
    }
    share = rates.get("auto", rates["one lane"]) / rates["one lane"]
    slow = f"auto reaches {share:.2f} of one lane's tokens per second"
    return Finding(figures, None if options.tiny or share >= LEAST else slow)


def _in_trainer(workshop: Workshop, load: LaneLoad, compiled: bool) -> float:
    watch, _ = train(workshop, load.config(0, compile=compiled))
    return 1000 * watch.seconds_per_step()


if __name__ == "__main__":
    report(
        measure,
        *("--model", "--method", "--lanes", "--rows", "--length", "--goal"),
        "--compiled",
    )
