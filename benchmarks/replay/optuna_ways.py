"""Optuna's own samplers and pruners, by ask and tell."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from optuna.samplers import BaseSampler, TPESampler

from benchmarks.replay.table import POINTS, Row, Table
from search_spaces import bridge
from search_spaces.values import Value


class OptunaWay:
    """An Optuna study with this sampler and pruner."""

    def __init__(self, table: Table, sampler: BaseSampler, pruner: BasePruner) -> None:
        self._space = table.space
        self._study = optuna.create_study(sampler=sampler, pruner=pruner)
        self._trials: list[optuna.Trial] = []

    def suggest(self) -> Mapping[str, Value]:
        trial = self._study.ask()
        self._trials.append(trial)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bridge.suggest(trial, self._space)

    def started(self, number: int, row: Row) -> None:
        trial, encoded = self._trials[number], bridge.encode(row.params, self._space)
        for name, domain in trial.distributions.items():
            value = domain.to_internal_repr(encoded[name])
            self._study._storage.set_trial_param(trial._trial_id, name, value, domain)
        # A trial holds a copy of its parameters, which pruners read.
        trial._cached_frozen_trial = self._study._storage.get_trial(trial._trial_id)

    def measured(self, number: int, point: int, loss: float) -> bool:
        trial = self._trials[number]
        trial.report(loss, point)
        if not trial.should_prune():
            return True
        self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return False

    def completed(self, number: int, point: int, loss: float) -> None:
        trial = self._trials[number]
        trial.report(loss, point)
        best = min(self._study.trials[number].intermediate_values.values())
        self._study.tell(trial, best)


def tpe_hyperband(table: Table, seed: int) -> OptunaWay:
    """Optuna's TPE with its default options and Hyperband over all points."""
    pruner = HyperbandPruner(min_resource=1, max_resource=POINTS, reduction_factor=3)
    return OptunaWay(table, TPESampler(seed=seed), pruner)


def tpe_median(table: Table, seed: int) -> OptunaWay:
    """Optuna's TPE with its default options and the median pruner, also with its own."""
    return OptunaWay(table, TPESampler(seed=seed), MedianPruner())
