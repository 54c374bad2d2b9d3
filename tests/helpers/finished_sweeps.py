"""Folders of sweeps that have ended, without any training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from results.records.record import Measurement, SweepRecord, TrialRecord
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results


def ended_trial(
    number: int,
    status: str,
    params: Mapping[str, object],
    *losses: float,
    points: int | None = None,
    **changes,
) -> TrialRecord:
    """A trial with these losses at its evaluation points, of `points` in its budget."""
    measurements = [
        Measurement(
            point=point,
            step=10 * point,
            tokens=1000 * point,
            seconds=2.0 * point,
            metrics=loss if isinstance(loss, dict) else {"eval_loss": loss},
        )
        for point, loss in enumerate(losses, 1)
    ]
    fields = {
        "config": {"budget.evaluations": points or len(losses), **params},
        "seconds": 2.0 * len(losses),
        "tokens": 1000 * len(losses),
        "ended": 100.0 + number,
        **changes,
    }
    return TrialRecord(
        sweep="ended", number=number, status=status, params=params, measurements=measurements,
        **fields,
    )  # fmt: skip


def sweep_tree(**changes) -> dict:
    """A toy sweep's file, whose space the trials' params fit."""
    return {
        "name": "ended",
        "model": "toy",
        "objective": "toy",
        "budget": {"trials": 40, "evaluations": 4},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {
            "learning_rate": {"log_uniform": [1e-6, 1e-2]},
            "lora.rank": {"choice": [4, 8, 16]},
            "schedule": {"choice": ["cosine", "wsd"]},
            "wsd.decay_fraction": {"uniform": [0.1, 0.5], "when": {"schedule": "wsd"}},
        },
        **changes,
    }


def write_ended(
    home: Path, trials: Iterable[TrialRecord], tree: dict | None = None, **changes
) -> SweepFolder:
    """The folder of a sweep with these records."""
    spec = SweepSpec.parse(tree or sweep_tree())
    folder = SweepHome(home).sweep(spec.name)
    folder.take_name()
    folder.write_spec(spec.text())
    goals = list(spec.search.goals.items())
    fields = {
        "name": spec.name,
        "state": "complete",
        "metric": goals[0][0],
        "mode": goals[0][1],
        "other_metrics": dict(goals[1:]),
        "base": {"eval_loss": 4.0},
        "budget_trials": spec.trials,
        "created": 50.0,
        "ended": 500.0,
        "seed": 1,
        **changes,
    }
    folder.store.write_sweep(SweepRecord(**fields))
    for trial in trials:
        folder.store.write_trial(trial.with_changes(sweep=spec.name))
    return folder


def results_of(home: Path, trials: Iterable[TrialRecord], tree: dict | None = None) -> Results:
    return Results.read(write_ended(home, trials, tree))


def a_search(count: int, points: int = 4) -> list[TrialRecord]:
    """Trials spread over the space of `sweep_tree`: the learning rate decides nearly everything.

    The worst third is stopped early; of the rest, those above 3e-3 diverge.
    """
    return [_searched(number, count, points) for number in range(count)]


def _searched(number: int, count: int, points: int) -> TrialRecord:
    place = (number * 0.618034) % 1.0
    rate = 10 ** (-6 + 4 * place)
    params = {
        "learning_rate": rate,
        "lora.rank": (4, 8, 16)[number % 3],
        "schedule": ("cosine", "wsd")[number // 3 % 2],
    }
    if params["schedule"] == "wsd":
        params["wsd.decay_fraction"] = 0.1 + 0.4 * ((number * 0.414) % 1.0)
    end = 2.0 + 0.5 * (math.log10(rate) + 4) ** 2 + 0.01 * (number % 3)
    losses = [end + (4.0 - end) * math.exp(-3 * point / points) for point in range(1, points + 1)]
    if rate > 3e-3:
        return ended_trial(number, "diverged", params, losses[0], math.nan, points=points)
    if end > 3.0:
        return ended_trial(number, "pruned", params, *losses[:2], points=points)
    return ended_trial(number, "complete", params, *losses, points=points)
