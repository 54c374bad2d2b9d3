"""Search quality beyond luck: trials needed by TPE and random on the toy landscape.

    python -m benchmarks.search_quality [--seeds 100]

The optimum of the toy's closed form is known; a search is good enough once a trial is within
QUALITY of it. No training, no Ray: asks and tells the samplers directly. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from pathlib import Path
from typing import Any

import optuna

import sweeps
from search_spaces import bridge
from sweeps.search.study import make_sampler
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.slots import toy

QUALITY = 0.05
"""Sufficient distance from the optimal loss (1.0)."""

MOST_TRIALS = 80
RECIPE = Path(sweeps.__file__).parent / "recipes" / "toy.yaml"


def trials_needed(sampler: Any, seed: int, spec: SweepSpec) -> int:
    """The number of the first good enough trial, from 1; MOST_TRIALS + 1 if there was none."""
    search = SearchSettings(sampler=sampler, seed=seed)
    study = optuna.create_study()
    for number in range(1, MOST_TRIALS + 1):
        study.sampler = make_sampler(search, number - 1)  # as in a sweep
        trial = study.ask()
        loss = toy.final_loss(spec.trial.with_params(bridge.suggest(trial, spec.space)))
        study.tell(trial, loss)
        if loss <= toy.FLOOR + QUALITY:
            return number
    return MOST_TRIALS + 1


def compare(seeds: int) -> dict[str, Any]:
    """The trials needed by each sampler for each seed, and their medians."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spec = SweepSpec.load(RECIPE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        needed = {
            sampler: [trials_needed(sampler, seed, spec) for seed in range(seeds)]
            for sampler in ("tpe", "random")
        }
    medians = {sampler: statistics.median(counts) for sampler, counts in needed.items()}
    return {
        "quality": QUALITY,
        "trials_needed": needed,
        "medians": medians,
        "random_to_tpe": round(medians["random"] / medians["tpe"], 2),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    print(json.dumps(compare(parser.parse_args().seeds), indent=1))
