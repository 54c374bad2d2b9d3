"""Search quality beyond luck: trials needed by TPE and random on the toy landscape.

    python -m benchmarks.search_quality [--seeds 100] [--at-once 1]

The optimum of the toy's closed form is known; a search is good enough once a trial is within
QUALITY of it. No training, no Ray: asks and tells the samplers directly. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import optuna

import sweeps
from search_spaces import bridge
from sweeps.search.drawing import guesses, make_sampler
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.slots import toy

QUALITY = 0.05
"""Sufficient distance from the optimal loss (1.0)."""

MOST_TRIALS = 80
RECIPE = Path(sweeps.__file__).parent / "recipes" / "toy.yaml"


def trials_needed(sampler: Any, seed: int, spec: SweepSpec, at_once: int = 1) -> int:
    """The number of the first good enough trial, from 1; MOST_TRIALS + 1 if there was none. The
    spec's first points and priors are used.

    With several `at_once`, as with lanes, each ends when so many others have begun after it.
    """
    search = SearchSettings(sampler=sampler, seed=seed)
    study = optuna.create_study()
    for point in spec.first_points:
        study.enqueue_trial(bridge.encode(point, spec.space))
    known = guesses(spec)
    running: deque[tuple[optuna.Trial, float]] = deque()
    for number in range(1, MOST_TRIALS + 1):
        study.sampler = make_sampler(search, number - 1, known)  # as in a sweep
        trial = study.ask()
        loss = toy.final_loss(spec.trial.with_params(bridge.suggest(trial, spec.space)))
        if loss <= toy.FLOOR + QUALITY:
            return number
        running.append((trial, loss))
        if len(running) == at_once:
            study.tell(*running.popleft())
    return MOST_TRIALS + 1


def compare(seeds: int, at_once: int = 1) -> dict[str, Any]:
    """The trials needed by each sampler for each seed, and their medians."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spec = SweepSpec.load(RECIPE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        needed = {
            sampler: [trials_needed(sampler, seed, spec, at_once) for seed in range(seeds)]
            for sampler in ("tpe", "random")
        }
    medians = {sampler: statistics.median(counts) for sampler, counts in needed.items()}
    return {
        "quality": QUALITY,
        "at_once": at_once,
        "trials_needed": needed,
        "medians": medians,
        "random_to_tpe": round(medians["random"] / medians["tpe"], 2),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=1, help="trials under way at a time")
    options = parser.parse_args()
    print(json.dumps(compare(options.seeds, options.at_once), indent=1))
