"""Real trunks at a constant rate, each with branches: decays at its end, and short ones on its way.

A trunk keeps its state wherever a branch begins, and a branch goes on from there, so that a table
of hundreds of schedules costs some whole trials.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.inputs.prepare import inputs_of
from sweeps.spec.spec import SweepSpec
from trainables.config.budget import TrialBudget
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Monitor, Verdict
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.workshop import Workshop

POINTS = 9
DECAYS = (0.05, 0.1, 0.2, 0.4)
FLOORS = (0.0, 0.1, 0.3)
RUNGS = (1, 3, 5)
SHARES = (0.05, 0.1)
"""Of the budget, for a short decay at a rung."""

BATCHES = (4, 16)
RATES = tuple(float(each) for each in np.geomspace(3e-4, 3e-2, 14))

_LAYOUT = "one worker"


def trees(data: Path) -> Mapping[str, Mapping[str, Any]]:
    """The sweeps, on data of a folder laid out as SWEEP_TEST_DATA."""
    common = {
        "model": str(data / "models/stories260K_hf"),
        "precision": "fp32",
        "warmup_fraction": 0.05,
        "space": {"learning_rate": {"log_uniform": [RATES[0], RATES[-1]]}},
    }
    instructions = str(data / "sft/alpaca_orig_5k.json")
    plays = str(data / "corpus/tinyshakespeare.txt")
    return {
        "instructions": {
            **common,
            "objective": "sft",
            "method": "lora",
            "data": {"train": instructions, "validation": 0.03, "max_length": 96},
            "budget": {"trials": 1, "tokens": 30_000, "evaluations": POINTS},
        },
        "plays": {
            **common,
            "objective": "clm",
            "method": "full",
            "data": {"train": plays, "validation": 0.02, "max_length": 64},
            "budget": {"trials": 1, "tokens": 40_000, "evaluations": POINTS},
        },
    }


def train(name: str, data: Path, cache: Path) -> None:
    """Train the trunks of a sweep with their branches, those that are not in the cache yet; every
    other rate first, so that a part of them is a table, too."""
    spec = SweepSpec.parse({"name": "curves", **trees(data)[name]})
    workshop = Workshop(inputs_of(spec.trial, cache).inputs)
    grid = [*enumerate(product(BATCHES, RATES))]
    for number, (batch, rate) in (*grid[::2], *grid[1::2]):
        place = cache / name / f"{number:03}.json"
        if place.exists():
            continue
        params = {"batch_size": batch, "learning_rate": rate, "seed": 1000 + number}
        trunk = _Trunk(workshop, spec.trial.with_params(params), cache / name / "states")
        found = {"batch_size": batch, "learning_rate": rate, **trunk.trained()}
        place.with_suffix(".partial").write_text(json.dumps(found))
        place.with_suffix(".partial").rename(place)
        print(f"{name}: trunk {number}, {found['curve']}", flush=True)


def read(name: str, cache: Path) -> list[dict[str, Any]]:
    """What `train` has left."""
    return [json.loads(each.read_text()) for each in sorted((cache / name).glob("*.json"))]


class _Trunk:
    """One trunk, whose states on its way are kept in a folder until its branches are trained."""

    def __init__(self, workshop: Workshop, config: TrialConfig, states: Path) -> None:
        self._workshop, self._states = workshop, states
        self._config = config.with_params({"schedule": "constant"})
        plan = workshop.plan(self._config, 1)
        self._steps = plan.steps
        self._at = {point: step for step, point in plan.points.items()}

    def trained(self) -> dict[str, Any]:
        """Its losses by point, those of the decays at its end, and those after short ones."""
        shutil.rmtree(self._states, ignore_errors=True)
        ends, on_way = [*self._ends()], [*self._on_way()]
        begins = {begin for begin, _, _ in (*ends, *on_way)}
        kept = _Parting(self._states, begins)
        curve = self._train(self._config, kept)
        made = {
            "steps": self._steps,
            "curve": curve,
            "decays": [
                {**named, "curve": self._train(config, self._from(begin))}
                for begin, config, named in ends
            ],
            "rungs": [
                {**named, "loss": self._train(config, self._from(begin)).get("1")}
                for begin, config, named in on_way
            ],
        }
        shutil.rmtree(self._states, ignore_errors=True)
        return made

    def _ends(self) -> Iterator[tuple[int, TrialConfig, dict[str, float]]]:
        """The decays at its end: the step before each, and its configuration."""
        for decay, floor in product(DECAYS, FLOORS):
            begin = self._steps - round(decay * self._steps)
            yield begin, self._decayed(self._config, decay, floor), {"decay": decay, "floor": floor}

    def _on_way(self) -> Iterator[tuple[int, TrialConfig, dict[str, float]]]:
        """Short ones at rungs, each a trial that is over then."""
        for rung, share in product(RUNGS, SHARES):
            begin, more = self._at[rung], max(1, round(share * self._steps))
            budget = TrialBudget(steps=begin + more, evaluations=1)
            config = self._decayed(self._config, more / (begin + more), 0.0)
            short = config.model_copy(update={"budget": budget})
            yield begin, short, {"rung": rung, "share": share}

    def _decayed(self, config: TrialConfig, decay: float, floor: float) -> TrialConfig:
        names = {"schedule": "wsd", "wsd.decay_fraction": decay, "floor_fraction": floor}
        return config.with_params(names)

    def _from(self, step: int) -> Checkpoints:
        return Checkpoints(self._states / str(step), float("inf"), _LAYOUT)

    def _train(self, config: TrialConfig, checkpoints: Checkpoints) -> dict[str, float]:
        """The losses by point; fewer of a trial that diverged."""
        heard = _Heard()
        outcome = self._workshop.train(config, heard, checkpoints)
        if outcome.ending not in (Ending.COMPLETE, Ending.DIVERGED):
            raise RuntimeError(f"{outcome.ending}: {outcome.error}")
        return {str(each.point): each.metrics["eval_loss"] for each in heard.seen}


class _Parting(Checkpoints):
    """Keeps the state after some steps."""

    def __init__(self, states: Path, steps: Collection[int]) -> None:
        super().__init__(states / "none", float("inf"), _LAYOUT)
        self._states, self._steps = states, steps

    def parts_at(self, step: int) -> bool:
        return step in self._steps

    def part(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        place = self._states / str(checkpoint.step)
        Checkpoints(place, float("inf"), _LAYOUT).write(checkpoint, fill)


class _Heard(Monitor):
    def __init__(self) -> None:
        self.seen: list[Evaluation] = []

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        self.seen.append(evaluation)
        return Verdict()
