"""Syne Tune's schedulers (extra `benchmarks`); each learns from unfinished trials' last values."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.replay.table import METRIC, POINTS, Row, Table
from search_spaces.domains import Choice, Domain, Int
from search_spaces.values import Value

_CLOCK = "point"


class SyneTuneWay:
    """A Syne Tune scheduler that stops trials."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._trials: list[Any] = []

    def suggest(self) -> Mapping[str, Value] | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            suggestion = self._scheduler.suggest()
        return None if suggestion is None else suggestion.config

    def started(self, number: int, row: Row) -> None:
        from syne_tune.backend.trial_status import Trial

        trial = Trial(number, dict(row.params), datetime.datetime.now())
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)

    def measured(self, number: int, point: int, loss: float) -> bool:
        result = {METRIC: loss, _CLOCK: point}
        goes_on: bool = self._scheduler.on_trial_result(self._trials[number], result) == "CONTINUE"
        if not goes_on:
            self._scheduler.on_trial_remove(self._trials[number])
        return goes_on

    def completed(self, number: int, point: int, loss: float) -> None:
        self._scheduler.on_trial_complete(self._trials[number], {METRIC: loss, _CLOCK: point})


def syne_tune(name: str) -> Callable[[Table, int], SyneTuneWay]:
    """The scheduler of this name in syne_tune.optimizer.baselines, with its default options."""

    def way(table: Table, seed: int) -> SyneTuneWay:
        try:
            from syne_tune.optimizer import baselines
        except ModuleNotFoundError as error:
            raise SystemExit(f"{error}; pip install 'winnow-sweeps[benchmarks]'") from error
        np.random.seed(seed)  # which of several brackets a trial joins
        make = getattr(baselines, name)
        space = {each: _domain(table.space[each].branches[0].domain) for each in table.space}
        return SyneTuneWay(
            make(space, METRIC, time_attr=_CLOCK, max_t=POINTS, random_seed=seed, do_minimize=True)
        )

    return way


def _domain(domain: Domain) -> object:
    from syne_tune import config_space

    if isinstance(domain, Choice):
        return config_space.choice(list(domain.options))
    if isinstance(domain, Int):
        kind = config_space.lograndint if domain.log else config_space.randint
    else:
        kind = config_space.loguniform if domain.log else config_space.uniform
    return kind(domain.low, domain.high)
