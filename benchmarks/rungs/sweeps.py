"""Real sweeps of small trials, with the measurements of every example kept at every point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from results.ranking.certainty import load_sequence_losses
from search_spaces import bridge
from sweeps.inputs.prepare import inputs_of
from sweeps.spec.spec import SweepSpec
from trainables.core.evaluation import Evaluation, Monitor, Verdict
from trainables.training.workshop import Workshop

POINTS = 4
SCHEDULES = {"schedule": {"choice": ["cosine", "linear", "constant"]}}


def trees(data: Path) -> Mapping[str, Mapping[str, Any]]:
    """The sweeps, on data of a folder laid out as SWEEP_TEST_DATA."""
    model = {"model": str(data / "models/stories260K_hf"), "precision": "fp32"}
    lora = {"lora.rank": {"choice": [4, 16]}, "lora.dropout": {"choice": [0.0, 0.1]}}
    rate = {"learning_rate": {"log_uniform": [3e-4, 3e-2]}}
    batch = {"batch_size": {"choice": [4, 8, 16]}}
    instructions = str(data / "sft/alpaca_orig_5k.json")
    return {
        "instructions, LoRA": {
            **model,
            "objective": "sft",
            "data": {"train": instructions, "validation": 0.12, "max_length": 96},
            "budget": {"trials": 1, "tokens": 20_000, "evaluations": POINTS},
            "space": {**rate, **lora, **batch, **SCHEDULES},
        },
        "stories, full": {
            **model,
            "objective": "clm",
            "data": {
                "train": str(data / "corpus/tinyshakespeare.txt"),
                "validation": 0.05,
                "max_length": 64,
            },
            "method": "full",
            "budget": {"trials": 1, "tokens": 30_000, "evaluations": POINTS},
            "space": {"learning_rate": {"log_uniform": [3e-4, 3e-2]}, **batch, **SCHEDULES},
        },
        "sentiment, full": {
            **model,
            "objective": "classification",
            "data": {
                "train": str(data / "cls/sst2_train.tsv"),
                "validation": str(data / "cls/sst2_dev.tsv"),
                "max_length": 64,
            },
            "method": "full",
            "budget": {"trials": 1, "tokens": 60_000, "evaluations": POINTS},
            "search": {"metric": "eval_loss"},
            "space": {"learning_rate": {"log_uniform": [1e-4, 1e-2]}, **batch, **SCHEDULES},
        },
    }


class _Kept(Monitor):
    """Has each point's losses written to a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep it."""
        return Verdict(losses=self._folder / f"{evaluation.point}.npz")


def train(name: str, data: Path, trials: int, cache: Path) -> None:
    """Train random settings of a sweep, those that are not in the cache yet."""
    spec = SweepSpec.parse({"name": "rungs", **trees(data)[name]})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [dict(bridge.suggest(study.ask(), spec.space)) for _ in range(trials)]
    workshop = Workshop(inputs_of(spec.trial, cache).inputs)
    for number, params in enumerate(drawn):
        folder = cache / name / f"{number:03}"
        if not (folder / "done.json").exists():
            config = spec.trial.with_params({**params, "seed": 1000 + number})
            outcome = workshop.train(config, _Kept(folder))
            (folder / "done.json").write_text(json.dumps([outcome.ending, dict(params)]))


def measured(name: str, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """The summed losses [trials, points, examples] of complete trials, and the terms in each sum
    [examples]."""
    found, counts = [], np.empty(0)
    for folder in sorted(each.parent for each in (cache / name).glob("*/done.json")):
        if json.loads((folder / "done.json").read_text())[0] == "complete":
            kept = [load_sequence_losses(folder / f"{n}.npz") for n in range(1, POINTS + 1)]
            found.append([each.loss_sums for each in kept])
            counts = kept[0].token_counts.astype(float)
    return np.asarray(found), counts
