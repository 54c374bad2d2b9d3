"""Reconciliation of MLflow with a sweep's records: writes only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from results.mlflow.known_runs import digest
from results.mlflow.metrics import (
    TOTALS,
    base_rows,
    missing_measurements,
    news,
    test_rows,
    total_rows,
    totals_stamp,
    trial_as_logged,
    winner_rows,
)
from results.mlflow.runs import Run
from results.mlflow.tags import ON_FRONT, TOLD, agrees, has_facts, sweep_tags, winner_tags
from results.mlflow.tracked import TrackedTrial, over
from results.mlflow.tracking import SPEC_FILE, Tracker
from results.mlflow.tracking_error import StoreAwayError, TrackingError
from results.mlflow.winner_files import WEIGHTS_PATH, WINNER_FILE, weights_files
from results.ranking.winners import Ranking
from results.records.record import SweepRecord, TrialKey, TrialRecord, TrialStatus
from results.records.stamps import Stamps


@dataclass(slots=True)
class Reconciled:
    """The outcome: the sweep's run, its trials' runs by key, the changed runs, and MLflow's
    refusals, in words."""

    parent: str
    run_ids: dict[TrialKey, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """Number of changed runs."""
        return len(self.touched)


def reconcile(
    tracker: Tracker,
    spec_text: str,
    sweep: SweepRecord,
    trials: Sequence[TrialRecord],
    ranking: Ranking,
    weights: Callable[[int], Path],
) -> Reconciled:
    """Bring MLflow in line with the sweep's records. A second call writes nothing.

    `spec_text` is stored unchanged except for the tracking address; `weights` gives the folder of a
    trial's weights, which may not exist. Waiting trials need no run. Refusals of MLflow are noted,
    and the rest continues. StoreAwayError if the store is away: a later call continues there.
    """
    return _Reconciliation(tracker, spec_text, sweep, ranking, weights).run(trials)


_NO_TOTALS = {name: TrialRecord.model_fields[name].default for name in TOTALS}


class _Reconciliation:
    def __init__(
        self,
        tracker: Tracker,
        spec_text: str,
        sweep: SweepRecord,
        ranking: Ranking,
        weights: Callable[[int], Path],
    ) -> None:
        self._tracker = tracker
        self._text = spec_text
        self._sweep = sweep
        self._ranking = ranking
        self._weights = weights

    def run(self, trials: Sequence[TrialRecord]) -> Reconciled:
        """Write the trials, then the sweep's own run, which names the winners."""
        run = self._tracker.sweep_run(self._sweep)
        parent = run.run_id if run else self._start()
        self._done = Reconciled(parent, touched=set() if run else {parent})
        runs = self._tracker.trial_runs(parent)
        for record in trials:
            tracked = runs.get(record.key)
            if tracked or record.status is not TrialStatus.WAITING:
                with self._noting_refusals():
                    self._trial(record, tracked)
        with self._noting_refusals():
            self._parent(run)
        return self._done

    @contextmanager
    def _noting_refusals(self) -> Iterator[None]:
        try:
            yield
        except StoreAwayError:
            raise
        except TrackingError as error:
            self._done.refused.append(str(error))

    def _start(self) -> str:
        return self._tracker.start_sweep(self._sweep, self._text, Stamps().next())

    def _trial(self, record: TrialRecord, run: Run | None) -> None:
        marked = run is not None and (ON_FRONT in run.tags) == (record.key in self._front())
        if run and marked and _surely_told(record, run, self._sweep):
            self._done.run_ids[record.key] = run.run_id
            return
        known = self._tracker.tracked(run) if run else None
        if known and marked and _told(record, known):
            self._done.run_ids[record.key] = known.run.run_id
        else:
            self._bring_in(record, known)

    def _bring_in(self, record: TrialRecord, known: TrackedTrial | None) -> None:
        """Write a trial. Safe if parts exist already: they are equal, or have the same stamp."""
        tracker, rows = self._tracker, known.rows if known else []
        stamps = Stamps(after=max((row.stamp for row in rows), default=0))
        record = record.with_changes(run_id=known.run.run_id if known else None)
        run_id = tracker.start_trial(_opened(record), self._done.parent)
        self._done.run_ids[record.key] = run_id
        self._done.touched.add(run_id)
        record = record.with_changes(run_id=run_id)
        for measurement, stamp in missing_measurements(record.measurements, rows, stamps):
            with self._noting_refusals():
                tracker.log_measurement(run_id, measurement, stamp)
        if over(record.status):
            stamp = totals_stamp(rows, record) or stamps.next()
            tracker.end_trial(record, self._sweep.goals, stamp)
        if news(test_rows(record, 0), known.run.metrics if known else {}):
            tracker.log_test(record, stamps.next())
        if record.key in self._front():
            tracker.mark_on_front(run_id)

    def _front(self) -> set[TrialKey]:
        ended = self._sweep.state.ended and self._ranking.several
        return {winner.record.key for winner in self._ranking.winners} if ended else set()

    def _parent(self, run: Run | None) -> None:
        """Write the sweep's own run, then the winners' files, which may be large."""
        parent, ranking = self._done.parent, self._with_runs()
        sweep = self._sweep.with_changes(run_id=parent)
        ended = sweep.state.ended
        tags = {**sweep_tags(sweep), **(winner_tags(ranking) if ended else {})}
        rows = [*base_rows(sweep, 0), *(winner_rows(ranking, 0) if ended else [])]
        agreed = run is not None and agrees(run.tags, tags) and run.status == sweep.state.mlflow
        if not agreed or news(rows, run.metrics if run else {}):
            self._done.touched.add(parent)
            self._write_parent(sweep, ranking)
        elif SPEC_FILE not in self._tracker.files(parent):
            self._done.touched.add(self._start())
        for winner in ranking.chosen if ended else ():
            homes = [winner.record.run_id, *([] if ranking.several else [parent])]
            for run_id in filter(None, homes):
                self._keep(run_id, winner.record, anew=run_id == parent and not agreed)

    def _write_parent(self, sweep: SweepRecord, ranking: Ranking) -> None:
        stamp = Stamps().next()
        self._tracker.start_sweep(sweep, self._text, stamp)
        if sweep.state.ended:
            self._tracker.end_sweep(sweep, ranking, stamp)

    def _with_runs(self) -> Ranking:
        """The ranking with run ids; winners whose runs MLflow refused have none."""
        runs = self._done.run_ids
        winners = (
            replace(winner, record=winner.record.with_changes(run_id=runs.get(winner.record.key)))
            for winner in self._ranking.winners
        )
        return replace(self._ranking, winners=tuple(winners))

    def _keep(self, run_id: str, record: TrialRecord, anew: bool) -> None:
        weights = self._weights(record.number)
        files, wanted = self._tracker.files(run_id), weights_files(weights)
        there = self._tracker.files(run_id, WEIGHTS_PATH) if WEIGHTS_PATH in files else set()
        kept = WINNER_FILE in files and (wanted == there or not wanted)
        if anew or not kept:
            self._tracker.log_winner(run_id, record, weights)
            self._done.touched.add(run_id)


def _opened(record: TrialRecord) -> TrialRecord:
    """The record before its end, which is written last."""
    if not over(record.status):
        return record
    return record.with_changes(status=TrialStatus.RUNNING, error=None, ended=None)


def _surely_told(record: TrialRecord, run: Run, sweep: SweepRecord) -> bool:
    """Whether the run says that it was told the whole record: no need to read its history."""
    same = run.tags.get(TOLD) == digest(record) and has_facts(run.tags, record)
    shown = run.status == record.status.mlflow
    return same and shown and not news(total_rows(record, sweep.goals, 0), run.metrics)


def _told(record: TrialRecord, known: TrackedTrial) -> bool:
    """Whether the run has the whole record; before its end it has no totals."""
    told = known.record
    if not over(record.status):
        record = record.with_changes(**_NO_TOTALS)
        # A trial resumed from a checkpoint will measure the rest again.
        told = told.with_changes(measurements=told.measurements[: len(record.measurements)])
    same = told.same_as(trial_as_logged(record).with_changes(run_id=told.run_id))
    return same and known.run.status == record.status.mlflow
