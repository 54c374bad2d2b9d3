"""Quality of each sampler's front on the toy landscape, by two metrics, over many seeds.

    python -m benchmarks.front_quality [--seeds 20] [--trials 40]

Quality is the hypervolume: the area dominated by the front, up to a reference point worse than any
useful trial, as a share of the best known front's. No training, no Ray: asks and tells the samplers
directly. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import optuna

import sweeps
from results.ranking.pareto import layers
from search_spaces import bridge
from sweeps.search.drawing import make_sampler
from sweeps.search.study import directions
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.slots import toy

REFERENCE = (toy.BASE_LOSS, 3.0)
"""The base model's loss, and an unacceptable cost."""

RECIPE = Path(sweeps.__file__).parent / "recipes" / "toy.yaml"
GOALS = {"eval_loss": "min", "eval_cost": "min"}

WAYS: dict[str, dict[str, Any]] = {
    "tpe": {"sampler": "tpe"},
    "random": {"sampler": "random"},
    "qmc": {"sampler": "qmc"},
    "nsga2, population 50": {"sampler": "nsga2"},
    "nsga2, population 10": {"sampler": "nsga2", "sampler_options": {"population_size": 10}},
}


def hypervolume(points: Sequence[tuple[float, float]]) -> float:
    """The area between the front of `points` and REFERENCE; smaller is better in both metrics."""
    inside = [point for point in points if point[0] < REFERENCE[0] and point[1] < REFERENCE[1]]
    area, ceiling = 0.0, REFERENCE[1]
    for place in next(layers(inside, ["min", "min"]), []):
        loss, cost = inside[place]
        area += (REFERENCE[0] - loss) * (ceiling - cost)
        ceiling = cost
    return area


def best_known(spec: SweepSpec) -> float:
    """The hypervolume of a fine grid over learning rate and rank; the best schedule is cosine."""
    rates = (10 ** (-6 + 5 * step / 1000) for step in range(1001))
    trials = product(rates, spec.space["lora.rank"].domain.grid())
    names = ("learning_rate", "lora.rank")
    configs = (spec.trial.with_params(dict(zip(names, trial, strict=True))) for trial in trials)
    return hypervolume([_point(config) for config in configs])


def found(search: SearchSettings, spec: SweepSpec, trials: int) -> float:
    """The hypervolume of one search's front."""
    study = optuna.create_study(directions=directions(search))
    points = []
    for number in range(trials):
        study.sampler = make_sampler(search, number)  # as in a sweep
        trial = study.ask()
        points.append(_point(spec.trial.with_params(bridge.suggest(trial, spec.space))))
        study.tell(trial, points[-1])
    return hypervolume(points)


def compare(seeds: int, trials: int) -> dict[str, Any]:
    """Each sampler's median share of the best known hypervolume."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spec = SweepSpec.load(RECIPE)
    best = best_known(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = {
            name: [
                found(SearchSettings(metrics=GOALS, seed=seed, **way), spec, trials) / best
                for seed in range(seeds)
            ]
            for name, way in WAYS.items()
        }
    medians = {name: round(statistics.median(each), 4) for name, each in shares.items()}
    return {"trials": trials, "seeds": seeds, "best_known": round(best, 4), "medians": medians}


def _point(config: TrialConfig) -> tuple[float, float]:
    return toy.final_loss(config), toy.final_cost(config)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40)
    given = parser.parse_args()
    print(json.dumps(compare(given.seeds, given.trials), indent=1))
