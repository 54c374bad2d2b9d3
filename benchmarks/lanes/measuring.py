"""A slice of the benchmark: one shape trained all ways, in turns, in one process."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.stopwatch import Stopwatch, now
from benchmarks.lanes.course import in_lanes, step_seconds, timed
from benchmarks.lanes.found import Found
from benchmarks.lanes.shape import Shape
from sweeps.samplers.registry import SAMPLERS
from sweeps.search.at_once import worths
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor
from trainables.lanes.lane import Lane
from trainables.lanes.limits import MOST
from trainables.lanes.loop import Lanes
from trainables.training.workshop import Workshop

STEPS = 14
"""Steps of a trial; the first ones and the last are not timed."""

COMPILED = "compiled"
"""The name of a way."""

EVALUATIONS = 3
"""Of trials that are measured after each step, against those measured at the end."""


def measured(shape: Shape, rounds: int, compiled: bool = True) -> dict[str, Any]:
    """Milliseconds of a trial's step each way, one number a round, and of an evaluation of all
    lanes; and the number of lanes that `auto` finds. Compiling takes most of a round: it is done
    in the first, if at all."""
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(shape.inputs(Path(folder)))
        found = {name: _found(name, shape, workshop) for name in ("random", "tpe")}
        chosen = min(shape.lanes, found["random"].first.lanes)
        ways = _ways(shape, workshop, chosen, found["random"])
        evaluating = {"together": Lanes, "apart": Apart}
        step: dict[str, list[float]] = {name: [] for name in ways}
        evaluation: dict[str, list[float]] = {name: [] for name in evaluating}
        for number in range(rounds):
            for name, way in ways.items():
                if name != COMPILED or (compiled and number == 0):
                    step[name].append(round(1000 * way(), 3))
            for name, kind in evaluating.items():
                evaluation[name].append(round(1000 * _evaluating(kind, shape, workshop), 3))
        return {
            "shape": str(shape),
            "step": step,
            "evaluation": evaluation,
            "auto": {name: each.first.lanes for name, each in found.items()},
        }


def _found(sampler: str, shape: Shape, workshop: Workshop) -> Found:
    """What a slot finds at its first trial, for a search by this sampler."""
    found = Found(MOST, worths(SAMPLERS[sampler], 1, MOST))
    in_lanes(workshop, shape.configs(2)[:1], [Monitor()], found.limits)
    return found


def _ways(
    shape: Shape, workshop: Workshop, chosen: int, found: Found
) -> dict[str, Callable[[], float]]:
    """Seconds of a step of one trial, by the name of the way."""
    configs = shape.configs(STEPS)
    alone = configs[0]
    return {
        "lanes": lambda: _median(timed(workshop, configs)) / shape.lanes,
        "auto": lambda: _median(timed(workshop, configs[:chosen], found.limits)) / chosen,
        "one lane": lambda: _median(timed(workshop, [alone])),
        "trainer": lambda: _in_trainer(workshop, alone),
        COMPILED: lambda: _in_trainer(workshop, alone.with_params({"compile": True})),
    }


def _median(watch: Stopwatch) -> float:
    return statistics.median(step_seconds(watch))


def _in_trainer(workshop: Workshop, config: TrialConfig) -> float:
    """By transformers' Trainer and PEFT."""
    watch = Stopwatch(STEPS)
    workshop.train(config, watch)
    return _median(watch)


class Apart(Lanes):
    """Lanes that measure themselves one after the other."""

    def _measure(self, lanes: Sequence[Lane]) -> None:
        """Nothing: each does it after its step."""


def _evaluating(kind: type[Lanes], shape: Shape, workshop: Workshop) -> float:
    """Seconds of an evaluation: what trials with several take longer than trials with one."""
    several, one = (_whole(kind, shape, workshop, count) for count in (EVALUATIONS, 1))
    return (several - one) / (EVALUATIONS - 1)


def _whole(kind: type[Lanes], shape: Shape, workshop: Workshop, evaluations: int) -> float:
    configs = shape.configs(EVALUATIONS, evaluations)
    began = now()
    in_lanes(workshop, configs, [Monitor() for _ in configs], kind=kind)
    return now() - began
