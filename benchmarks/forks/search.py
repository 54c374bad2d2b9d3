"""Searches with and without forks at equal trained tokens, on a table of real trunks and decays.

The searcher, its study and sampler, its branches and early stopping are the product's; a trial's
losses come from the table, between the rates, decays and floors of which they lie on straight
lines. One trial trains at a time.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from benchmarks.forks.curves import DECAYS, FLOORS, POINTS
from results.records.record import Measurement, TrialRecord, TrialStatus
from search_spaces.values import Value
from sweeps.search.admission import Admission
from sweeps.search.schedulers import make_scheduler
from sweeps.search.searcher import OptunaSearcher, Suggestion
from sweeps.search.study import StudyBook, make_sampler
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation
from trainables.training.forks.forks import fork_folder
from trainables.training.forks.tape import Tape
from trainables.training.plan import Plan

BUDGETS = (4.0, 8.0, 16.0)
"""Trained tokens, in those of a whole trial."""

METRIC = "eval_loss"
_STEPS = 20 * POINTS
_MOST_TRIALS = 1000

Floats = NDArray[np.float64]


class Table:
    """Losses by batch size, and then [rates, decays, floors, points], of batch sizes with more than
    one rate. Trials that diverged have the worst loss of all."""

    def __init__(self, trunks: Sequence[Mapping[str, Any]]) -> None:
        self._losses: dict[int, Floats] = {}
        self._rates: dict[int, Floats] = {}
        sizes = [int(each["batch_size"]) for each in trunks]
        self.batches = sorted(size for size in {*sizes} if sizes.count(size) > 1)
        for batch in self.batches:
            own = [each for each in trunks if each["batch_size"] == batch]
            found = np.array([_curves(each) for each in own])
            self._losses[batch] = found.reshape(len(own), len(DECAYS), len(FLOORS), POINTS)
            self._rates[batch] = np.log([each["learning_rate"] for each in own])
        worst = max(np.nanmax(each) for each in self._losses.values())
        self._losses = {b: np.nan_to_num(each, nan=worst) for b, each in self._losses.items()}
        self.best = min(float(each.min()) for each in self._losses.values())
        grids = self._rates.values()
        low, high = max(each[0] for each in grids), min(each[-1] for each in grids)
        self.rates = float(np.exp(low)), float(np.exp(high))

    def curve(self, params: Mapping[str, object]) -> Floats:
        """The losses of a trial by point, from 1."""
        batch = _number(params, "batch_size", int)
        rate = math.log(_number(params, "learning_rate", float))
        found = _between(self._losses[batch], self._rates[batch], rate)
        found = _between(found, DECAYS, _number(params, "wsd.decay_fraction", float))
        return _between(found, FLOORS, _number(params, "floor_fraction", float))


def _number(params: Mapping[str, object], name: str, kind: type[Any]) -> Any:
    return kind(params[name])


def _curves(trunk: Mapping[str, Any]) -> list[list[float]]:
    """The losses of a trunk's branches, with those before they parted."""
    whole = [{**trunk["curve"], **each["curve"]} for each in trunk["decays"]]
    # What a trunk has after a branch parted is not the branch's.
    for each, mine in zip(trunk["decays"], whole, strict=True):
        for point in range(1, POINTS + 1):
            if point / POINTS > 1 - each["decay"] and str(point) not in each["curve"]:
                mine.pop(str(point), None)
    return [[each.get(str(p), math.nan) for p in range(1, POINTS + 1)] for each in whole]


def _between(values: Floats, grid: Sequence[float] | Floats, at: float) -> Floats:
    """The values at a place on their first axis."""
    at = min(max(at, float(grid[0])), float(grid[-1]))
    place = min(max(int(np.searchsorted(grid, at)), 1), len(grid) - 1)
    weight = (at - grid[place - 1]) / (grid[place] - grid[place - 1])
    low, high = values[place - 1], values[place]
    found: Floats = (1 - weight) * low + weight * high
    return found


class Search:
    """One search; it is also the searcher's watcher."""

    def __init__(
        self, table: Table, forks: int, early_stopping: str, seed: int, home: Path
    ) -> None:
        self._table, self._forks = table, home
        spec = SweepSpec.parse(_tree(table, forks, early_stopping, seed))
        self._book = StudyBook(optuna.create_study(sampler=make_sampler(spec.search)), spec.search)
        self._scheduler = make_scheduler(spec.search, POINTS)
        self._records: dict[int, TrialRecord] = {}
        self._shared: dict[int, float] = {}
        self._spent, self._best = 0.0, math.inf
        self._searcher = OptunaSearcher(
            spec,
            self._book,
            lambda number: home / str(number),
            self,
            admits=self._admits,
            forks=(home, _plan) if forks > 1 else None,
        )

    def outcomes(self, budgets: Sequence[float]) -> list[tuple[float, int]]:
        """The loss of the winner at each budget, and the number of trials until then."""
        found: list[tuple[float, int]] = []
        while len(found) < len(budgets):
            suggestion = self._searcher.suggest("")
            assert isinstance(suggestion, dict), "one trial at a time waits for nothing"
            before = self._best, len(self._records) - 1
            self._train(suggestion)
            while len(found) < len(budgets) and self._spent > budgets[len(found)]:
                found.append(before)
        return found

    def _train(self, suggestion: Suggestion) -> None:
        number = suggestion["trial"]
        record, trial = self._records[number], _TuneTrial(str(number))
        curve, at = self._table.curve(record.params), self._shared[number]
        self._scheduler.on_trial_add(None, trial)
        status, seen = TrialStatus.COMPLETE, []
        for point, loss in enumerate(map(float, curve), 1):
            seen.append(_measured(point, loss))
            if point / POINTS <= at:
                continue
            self._spent, at = self._spent + point / POINTS - at, point / POINTS
            result = {"point": point, METRIC: loss}
            if point == POINTS:
                self._scheduler.on_trial_complete(None, trial, result)
                self._best = min(self._best, float(curve.min()))
            elif self._scheduler.on_trial_result(None, trial, result) == self._scheduler.STOP:
                self._scheduler.on_trial_complete(None, trial, result)
                status = TrialStatus.PRUNED
                break
        self._write_forks(suggestion, at)
        record = record.with_changes(status=status, measurements=tuple(seen))
        self._records[number] = record
        self._book.measured(record)
        self._book.ended(record)

    def _write_forks(self, suggestion: Suggestion, at: float) -> None:
        forking = suggestion["forking"]
        if forking is None:
            return
        tape = Tape(suggestion["config"], _plan(suggestion["config"]))
        for step in forking.steps:
            if step <= at * _STEPS:
                place = fork_folder(forking.folder, step, tape.until(step))
                place.mkdir(parents=True, exist_ok=True)

    def _admits(self, params: Mapping[str, object], number: int, taken_over: float) -> Admission:
        self._shared[number] = taken_over
        return Admission.NOW

    # The searcher's view

    def under_way(self) -> int:
        return 0

    def suggested(
        self,
        number: int,
        params: Mapping[str, Value],
        config: TrialConfig,
        *,
        repairs: Mapping[str, int],
    ) -> tuple[Evaluation, ...]:
        """A trunk or a branch begins."""
        branch = self._book.origin(number).branch
        if branch:
            branch = branch.with_changes(steps=round(self._shared[number] * _STEPS))
        self._records[number] = TrialRecord(
            sweep="search",
            number=number,
            status=TrialStatus.RUNNING,
            params=dict(params),
            branch=branch,
        )
        return ()

    def refused(
        self,
        number: int,
        params: Mapping[str, Value],
        config: Mapping[str, Value],
        why: str,
        status: TrialStatus = TrialStatus.FAILED,
    ) -> None:
        """A branch of a trunk that was stopped."""
        branch = self._book.origin(number).branch
        self._records[number] = TrialRecord(
            sweep="search", number=number, status=status, params=dict(params), branch=branch
        )
        self._book.ended(self._records[number])

    def record_of(self, number: int) -> TrialRecord | None:
        return self._records.get(number)


class _TuneTrial:
    """What schedulers read of Tune's trial."""

    def __init__(self, trial_id: str) -> None:
        self.trial_id = trial_id


def searched(
    table: Table,
    forks: int,
    early_stopping: str,
    seed: int,
    budgets: Sequence[float] = BUDGETS,
) -> list[tuple[float, int]]:
    """The outcomes of one search at rising budgets."""
    with tempfile.TemporaryDirectory() as home:
        return Search(table, forks, early_stopping, seed, Path(home)).outcomes(budgets)


def _tree(table: Table, forks: int, early_stopping: str, seed: int) -> dict[str, object]:
    search = {"early_stopping": early_stopping, "metric": METRIC, "seed": seed, "forks": forks}
    return {
        "name": "search",
        "model": "builtin:pydoc",
        "objective": "sft",
        "data": {"train": "builtin:pydoc"},
        "schedule": "wsd",
        "warmup_fraction": 0.05,
        "budget": {"trials": _MOST_TRIALS, "steps": _STEPS, "evaluations": POINTS},
        "search": search,
        "space": {
            "learning_rate": {"log_uniform": [*table.rates]},
            "batch_size": {"choice": table.batches},
            "wsd.decay_fraction": {"uniform": [DECAYS[0], DECAYS[-1]]},
            "floor_fraction": {"uniform": [FLOORS[0], FLOORS[-1]]},
        },
    }


def _plan(config: TrialConfig) -> Plan:
    at = np.arange(_STEPS + 1, dtype=np.int64)
    points = {20 * point: point for point in range(1, POINTS + 1)}
    return Plan(points, 1, 1, 1, at[:-1], at, at)


def _measured(point: int, loss: float) -> Measurement:
    return Measurement(point=point, step=20 * point, tokens=0, seconds=0.0, metrics={METRIC: loss})
