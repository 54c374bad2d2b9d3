"""Training of one trial as in the product, and its cost: the basis of most checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.gpu import memory
from benchmarks.gpu.finding import Figure
from benchmarks.gpu.flops import flops_per_token, peak
from benchmarks.gpu.shape import Shape
from benchmarks.gpu.stopwatch import Stopwatch
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending
from trainables.training.workshop import Workshop

LENGTH = 1024
STEPS = 20


@dataclass(frozen=True)
class Load:
    """The size of a trial: sequences per micro-batch, their length, and optimizer steps."""

    sequences: int
    length: int
    steps: int


def usual_load(tiny: bool) -> Load:
    """8,192 tokens a step, or 2,048 on a card with less than 40 GB."""
    if tiny:
        return Load(2, 64, 6)
    return Load(8 if memory.room() > 40e9 else 2, LENGTH, STEPS)


def config_of(load: Load, **params: Any) -> TrialConfig:
    """A trial of this load; `params` are dotted names with `__` for the dot."""
    tree = {
        "model": "main",
        "data": {"train": "synthetic", "max_length": load.length},
        "batch_size": load.sequences,
        "micro_batch_size": load.sequences,
        "budget": {"steps": load.steps, "evaluations": 1},
    }
    named = {name.replace("__", "."): value for name, value in params.items()}
    return TrialConfig.model_validate(tree).with_params(named)


def train(workshop: Workshop, config: TrialConfig) -> tuple[Stopwatch, int]:
    """Train to the end, or raise; returns the stopwatch and the number of trained parameters."""
    assert config.budget.steps is not None, "a load is counted in steps"
    watch = Stopwatch(config.budget.steps)
    outcome = workshop.train(config, watch)
    if outcome.ending is not Ending.COMPLETE:
        raise RuntimeError(f"the trial ended {outcome.ending}: {outcome.error}")
    return watch, outcome.cost.trainable_parameters


def pace(
    config: TrialConfig, load: Load, shape: Shape, watch: Stopwatch, trained: int
) -> Mapping[str, Figure]:
    """Tokens per second, and the utilisation of the card."""
    seconds = watch.seconds_per_step()
    rate = config.batch_size * load.length / seconds
    adapters = trained if config.method in ("lora", "qlora") else None
    return {
        "ms a step": round(1000 * seconds, 1),
        "tokens/s": round(rate),
        "MFU": utilisation(rate, flops_per_token(shape, load.length, adapters), config.precision),
    }


def utilisation(rate: float, flops: float, precision: str) -> float | None:
    """Utilisation at `rate` tokens a second on this card; None if its peak is unknown."""
    if not torch.cuda.is_available():
        return None
    most = peak(torch.cuda.get_device_name(), precision)
    return None if most is None else round(rate * flops / most, 3)
