"""Noise between seeds of real fine-tunes, beside the differences between settings.

    python -m benchmarks.seed_noise [--settings 8] [--seeds 4] [--cache FOLDER]

Trains settings drawn at random from the quickstart's space on the built-in model, each with the
same fresh seeds, as a confirmation does: other adapter values and another order of the examples.
Prints JSON with the variances of the mixed model, which benchmarks.honest_winner simulates.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import optuna

import sweeps
from results.ranking.certainty import load_sequence_losses
from results.ranking.variance import noise, noise_with_examples
from search_spaces import bridge
from sweeps.inputs.prepare import inputs_of
from sweeps.spec.spec import SweepSpec
from trainables.board.job import LOSSES
from trainables.core.evaluation import Evaluation, Monitor, Verdict
from trainables.training.workshop import Workshop

RECIPE = Path(sweeps.__file__).parent / "recipes" / "quickstart.yaml"


class Losses(Monitor):
    """Has the losses of the best evaluation written."""

    def __init__(self, file: Path) -> None:
        self.best = float("inf")
        self._file = file

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep the best."""
        if evaluation.metrics["eval_loss"] >= self.best:
            return Verdict()
        self.best = evaluation.metrics["eval_loss"]
        return Verdict(losses=self._file)


def drawn(spec: SweepSpec, count: int) -> list[dict[str, Any]]:
    """Settings at random from the space."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [dict(bridge.suggest(study.ask(), spec.space)) for _ in range(count)]


def trained(spec: SweepSpec, settings: int, seeds: int, cache: Path) -> np.ndarray:
    """The values per example of each training, (settings, seeds, examples); means are losses."""
    workshop = Workshop(inputs_of(spec.trial, cache).inputs)
    rows = []
    for number, params in enumerate(drawn(spec, settings)):
        for seed in range(seeds):
            config = spec.trial.with_params(
                {**params, "seed": 1000 + seed, "data.order_seed": 2000 + seed}
            )
            file = cache / f"{number}-{seed}-{LOSSES}"
            if not file.exists():  # a longer run continues a shorter one
                workshop.train(config, Losses(file))
            rows.append(_values(file))
    return np.asarray(rows).reshape(settings, seeds, -1)


def _values(file: Path) -> np.ndarray:
    losses = load_sequence_losses(file)
    tokens = losses.token_counts.sum()
    mean = losses.loss_sums.sum() / tokens
    left = losses.loss_sums - mean * losses.token_counts
    return np.asarray(mean + left * (len(left) / tokens))


def described(values: np.ndarray) -> dict[str, Any]:
    """Means, standard deviations and the mixed model's errors, for all and for the better half."""
    means = values.mean(axis=(1, 2))
    better = values[np.argsort(means)[: max(2, len(means) // 2)]]
    return {"all": _parts(values), "better_half": _parts(better), "means": means.round(4).tolist()}


def _parts(values: np.ndarray) -> dict[str, float]:
    by_seed = values.mean(axis=2)
    seeds = values.shape[1]
    own, both = noise(by_seed), noise_with_examples(values)
    return {
        "between_settings": float(by_seed.mean(axis=1).std(ddof=1)),
        "between_seeds": own.seeds,
        "between_seeds_in_differences": own.error * seeds**0.5,
        "error_of_a_mean": both.error,
        "examples": both.examples,
    }


def main() -> None:
    """Train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--settings", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cache = options.cache or Path(tempfile.mkdtemp())
    values = trained(SweepSpec.load(RECIPE), options.settings, options.seeds, cache)
    print(json.dumps(described(values), indent=1))


if __name__ == "__main__":
    main()
