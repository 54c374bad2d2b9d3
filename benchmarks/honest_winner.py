"""Best of n against confirmed: how good the winner truly is, at an equal number of trainings.

    python -m benchmarks.honest_winner [--sweeps 50] [--noise 0.1]

Simulated sweeps by TPE on the toy landscape, whose true losses are known. Each training adds noise
of its seed, and each trial, for good, noise of the validation examples. One way spends all
trainings on trials and takes the best; the other leaves some of them to a confirmation of the best
trials with fresh seeds, and takes the best mean. `--noise` is the standard deviation between seeds
as a share of that between settings drawn at random; its default was measured by
benchmarks.seed_noise. Prints JSON for that noise and for multiples of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from results.ranking.chances import tie_distance
from results.ranking.variance import noise
from search_spaces import bridge
from sweeps.search.drawing import make_sampler
from sweeps.spec.settings import ConfirmSettings, SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.slots import toy

MEASURED = 0.012
"""Between seeds of good settings, as a share of between settings (see docs/benchmarks.md)."""

MULTIPLES = (1.0, 2.0, 4.0, 8.0)
TRAININGS = 52
CONFIRM = ConfirmSettings()
REPEATS = CONFIRM.top * CONFIRM.seeds
EXAMPLES = 0.6
"""The validation examples' noise of a trial, as a share of that of its seed."""

SPEC = SweepSpec.parse(
    {
        "name": "honest",
        "model": "toy",
        "objective": "toy",
        "budget": {"trials": TRAININGS},
        "search": {"early_stopping": "none"},
        "space": {
            "learning_rate": {"log_uniform": [1e-5, 1e-2]},
            "lora.rank": {"choice": [4, 8, 16, 32, 64]},
            "schedule": {"choice": ["cosine", "wsd"]},
        },
    }
)


@dataclass(frozen=True)
class Truth:
    """A trial's true loss, and that on these validation examples, over all seeds."""

    loss: float
    here: float


@dataclass(frozen=True)
class Outcome:
    """A winner: its true loss beyond the best of all trials, and what was claimed of it.

    `flattered` is how much better the claim is than the truth.
    """

    regret: float
    flattered: float


def swept(seed: int, spread: float) -> tuple[list[Truth], list[float]]:
    """A sweep's trials as they are, and the losses that were measured."""
    random = np.random.default_rng(seed)
    study = optuna.create_study()
    true: list[Truth] = []
    measured: list[float] = []
    search = SearchSettings(seed=seed)
    for number in range(TRAININGS):
        study.sampler = make_sampler(search, number)
        trial = study.ask()
        loss = toy.final_loss(SPEC.trial.with_params(bridge.suggest(trial, SPEC.space)))
        here = loss + random.normal(0, EXAMPLES * spread)
        seen = here + random.normal(0, spread)
        study.tell(trial, seen)
        true.append(Truth(loss, here))
        measured.append(seen)
    return true, measured


def best_of_n(true: Sequence[Truth], measured: Sequence[float]) -> Outcome:
    """All trainings are trials; the best measurement wins."""
    place = int(np.argmin(measured))
    return _outcome(true, place, measured[place])


def confirmed(
    true: Sequence[Truth], measured: Sequence[float], spread: float, seed: int
) -> tuple[Outcome, bool]:
    """The last trainings are repeats of the best; and whether the truly best of those confirmed is
    among those called tied."""
    random = np.random.default_rng([seed, 1])
    count = TRAININGS - REPEATS
    top = np.argsort(measured[:count])[: CONFIRM.top]
    values = np.asarray(
        [[true[t].here + random.normal(0, spread) for _ in range(CONFIRM.seeds)] for t in top]
    )
    means, chance = values.mean(axis=1), noise(values)
    place = int(top[np.argmin(means)])
    best = int(np.argmin([true[t].here for t in top]))
    tied = means[best] - means.min() <= tie_distance(len(top), chance.error, chance.freedom)
    return _outcome(true, place, float(means.min())), bool(tied)


def _outcome(true: Sequence[Truth], place: int, claimed: float) -> Outcome:
    best = min(each.loss for each in true)
    return Outcome(true[place].loss - best, true[place].loss - claimed)


def between_settings() -> float:
    """The standard deviation of the loss between settings drawn at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    losses = [
        toy.final_loss(SPEC.trial.with_params(bridge.suggest(study.ask(), SPEC.space)))
        for _ in range(2000)
    ]
    return statistics.stdev(losses)


def compare(sweeps: int, spread: float) -> dict[str, Any]:
    """Both ways on the same sweeps with this noise."""
    lucky, sure, held = [], [], []
    for seed in range(sweeps):
        true, measured = swept(seed, spread)
        lucky.append(best_of_n(true, measured))
        outcome, tied = confirmed(true, measured, spread, seed)
        sure.append(outcome)
        held.append(tied)
    return {
        "between_seeds": round(spread, 4),
        "best_of_n": _summary(lucky, spread),
        "confirmed": {**_summary(sure, spread), "best_among_tied": statistics.fmean(held)},
    }


def _summary(outcomes: Sequence[Outcome], spread: float) -> dict[str, float]:
    """`within_noise` is the share of winners less than a seed's standard deviation from the best;
    `honest` that of winners whose claim flatters them by less than one."""
    regrets = [each.regret for each in outcomes]
    return {
        "mean_regret": round(statistics.fmean(regrets), 4),
        "regret_in_seeds": round(statistics.fmean(regrets) / spread, 2),
        "within_noise": statistics.fmean(each <= spread for each in regrets),
        "honest": statistics.fmean(each.flattered <= spread for each in outcomes),
        "flattered_in_seeds": round(
            statistics.fmean(each.flattered for each in outcomes) / spread, 2
        ),
    }


def main() -> None:
    """Compare at the measured noise and at multiples of it."""
    parser = argparse.ArgumentParser(description="Best of n against confirmed.")
    parser.add_argument("--sweeps", type=int, default=50)
    parser.add_argument("--noise", type=float, default=MEASURED)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    settings = between_settings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {
            f"{multiple:g} x": compare(options.sweeps, multiple * options.noise * settings)
            for multiple in MULTIPLES
        }
    shape = f"{TRAININGS - REPEATS} trials, {CONFIRM.top} x {CONFIRM.seeds} repeats"
    report = {
        "trainings": TRAININGS,
        "confirmed": shape,
        "sweeps": options.sweeps,
        "between_settings": round(settings, 4),
        "noise": found,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
