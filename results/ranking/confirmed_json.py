"""A confirmation as JSON for scripts. Its keys are a promise: rename none, drop none."""

from __future__ import annotations

from collections.abc import Mapping

from results.ranking.confirmation import Confirmation, Confirmed
from results.ranking.confirmed_front import ConfirmedFront, ConfirmedPoint
from results.ranking.strict import strict
from results.records.record import Mode, TrialRecord


def confirmation_json(found: Confirmation | ConfirmedFront) -> dict[str, object]:
    """The confirmed trials, best mean first, and the `winner` among them.

    `seeds` has for each trial the complete repeats by number: their seed, metrics and run. Of one
    metric: `chance` is the probability of being the best of them, `tied` whether noise may have
    decided, `simplest` the simplest of those tied, `standard_error` that of the difference of two
    means. Of several: `on_front` and the probability of that, `chance`. Unknown values are null.
    """
    common = {"winner": found.winner.number, "compared_seeds": list(found.compared)}
    if isinstance(found, ConfirmedFront):
        return {**common, "trials": [_point(each, found.goals) for each in found.trials]}
    error = found.noise.error * 2**0.5 if found.noise else None
    return {
        **common,
        "simplest": found.simplest.number,
        "standard_error": strict(error),
        "degrees_of_freedom": strict(found.noise.freedom) if found.noise else None,
        "examples": found.noise.examples if found.noise else 0,
        "trials": [_trial(each, found) for each in found.trials],
    }


def _trial(trial: Confirmed, found: Confirmation) -> dict[str, object]:
    return {
        "trial": trial.number,
        "mean": strict(trial.mean),
        "deviation": strict(trial.deviation),
        "first": strict(trial.first),
        "flattered": strict(found.flattered(trial)),
        "chance": strict(trial.chance),
        "tied": trial.tied,
        "lost": trial.lost,
        "seeds": [_repeat(each, {found.metric: found.mode}) for each in trial.repeats],
    }


def _point(trial: ConfirmedPoint, goals: Mapping[str, Mode]) -> dict[str, object]:
    return {
        "trial": trial.number,
        "means": strict(trial.means),
        "deviations": strict(trial.deviations),
        "first": strict(trial.first),
        "on_front": trial.on_front,
        "chance": strict(trial.chance),
        "lost": trial.lost,
        "seeds": [_repeat(each, goals) for each in trial.repeats],
    }


def _repeat(record: TrialRecord, goals: Mapping[str, Mode]) -> dict[str, object]:
    counted = record.counted(goals)
    return {
        "number": record.repeat,
        "seed": record.config.get("seed"),
        "metrics": strict({**(counted.metrics if counted else {}), **record.test}),
        "run_id": record.run_id,
    }
