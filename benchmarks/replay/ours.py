"""The product's own searcher, study, sampler and early stopping; only training is replaced."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from ray.tune.schedulers import TrialScheduler

from benchmarks.replay.table import METRIC, POINTS, Row, Table
from results.records.prior import Prior
from results.records.record import Measurement, TrialRecord, TrialStatus
from search_spaces import bridge
from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.search.drawing import guesses, make_sampler
from sweeps.search.priors import with_priors
from sweeps.search.schedulers import make_scheduler
from sweeps.search.searcher import OptunaSearcher
from sweeps.search.study import StudyBook
from sweeps.spec.settings import SearchSettings
from trainables.core.evaluation import Evaluation


class TableTrial:
    """In place of a trial's configuration: its parameters are the table's, of whatever names."""

    model_fields_set: frozenset[str] = frozenset()

    def with_params(self, params: Mapping[str, Value]) -> TableTrial:
        return self


class NoEdits:
    """In place of a plan of the GPU's memory: rows fit."""

    take_out = False

    def of(self, params: Mapping[str, object], config: TableTrial) -> None:
        return None


@dataclass(frozen=True)
class TableSpec:
    """What the searcher reads of a sweep's spec."""

    search: SearchSettings
    space: Space
    trials: int
    trial: TableTrial
    first_points: tuple[Mapping[str, Value], ...] = ()
    priors: tuple[Prior, ...] = ()


@dataclass(frozen=True)
class TuneTrial:
    """What schedulers read of Tune's trial."""

    trial_id: str


class Controller:
    """What schedulers read of Tune's controller."""

    def get_live_trials(self) -> list[object]:
        """No trial waits."""
        return []


class TableBook(StudyBook):
    """The study, in which a trial can take over a row's parameters."""

    def take_over(self, number: int, params: Mapping[str, Value], space: Space) -> None:
        """A drawn trial has these parameters instead of its own."""
        trial = self._open[number]
        encoded = bridge.encode(params, space)
        for name, domain in trial.distributions.items():
            value = domain.to_internal_repr(encoded[name])
            self._study._storage.set_trial_param(trial._trial_id, name, value, domain)


class Ours:
    """The product with these settings of `search`; it is also the searcher's watcher."""

    def __init__(
        self,
        table: Table,
        search: SearchSettings,
        first_points: Sequence[Mapping[str, Value]] = (),
        priors: Sequence[Prior] = (),
    ) -> None:
        count, trial = len(table.rows), TableTrial()
        spec = with_priors(
            TableSpec(search, table.space, count, trial, tuple(first_points)), priors
        )
        study = optuna.create_study(sampler=make_sampler(search))
        for point in spec.first_points:
            study.enqueue_trial(bridge.encode(point, table.space))
        self._space = table.space
        self._book = TableBook(study, search, guesses=guesses(spec))
        self._scheduler: TrialScheduler = make_scheduler(search, POINTS)
        self._controller = Controller()
        self._searcher = OptunaSearcher(spec, self._book, lambda _: Path(), self, edits=NoEdits())
        self._records: dict[int, TrialRecord] = {}

    # The clock's view

    def suggest(self) -> Mapping[str, Value] | None:
        suggestion = self._searcher.suggest("")
        if not isinstance(suggestion, dict):
            return None
        number = suggestion["trial"]
        return self._records[number].params

    def started(self, number: int, row: Row) -> None:
        self._book.take_over(number, row.params, self._space)
        self._scheduler.on_trial_add(self._controller, TuneTrial(str(number)))

    def measured(self, number: int, point: int, loss: float) -> bool:
        self._write(number, point, loss)
        trial = TuneTrial(str(number))
        decision = self._scheduler.on_trial_result(self._controller, trial, _result(point, loss))
        if decision == TrialScheduler.STOP:
            self._scheduler.on_trial_complete(self._controller, trial, _result(point, loss))
            self._end(number, TrialStatus.PRUNED)
        return bool(decision == TrialScheduler.CONTINUE)

    def completed(self, number: int, point: int, loss: float) -> None:
        self._write(number, point, loss)
        self._scheduler.on_trial_complete(
            self._controller, TuneTrial(str(number)), _result(point, loss)
        )
        self._end(number, TrialStatus.COMPLETE)

    # The searcher's view

    def under_way(self) -> int:
        return sum(not record.status.ended for record in self._records.values())

    def suggested(
        self,
        number: int,
        params: Mapping[str, Value],
        config: TableTrial,
        repairs: Mapping[str, Value],
    ) -> tuple[Evaluation, ...]:
        self._records[number] = TrialRecord(
            sweep="replay", number=number, status=TrialStatus.RUNNING, params=dict(params)
        )
        return ()

    def refused(
        self, number: int, params: Mapping[str, Value], config: Mapping[str, Value], why: str
    ) -> None:
        raise AssertionError(why)

    def _write(self, number: int, point: int, loss: float) -> None:
        value = loss if math.isfinite(loss) else math.nan
        new = Measurement(point=point, step=0, tokens=0, seconds=0.0, metrics={METRIC: value})
        record = self._records[number]
        record = record.with_changes(measurements=(*record.measurements, new))
        self._records[number] = record
        self._book.measured(record)

    def _end(self, number: int, status: TrialStatus) -> None:
        self._records[number] = self._records[number].with_changes(status=status)
        self._book.ended(self._records[number])


def _result(point: int, loss: float) -> dict[str, float]:
    return {"point": point, METRIC: loss}
