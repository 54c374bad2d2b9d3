"""The recorder of a running sweep: measurements are on disk before they are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol

from ray.tune import Callback

from results.records.record import SweepRecord, TrialRecord, TrialStatus
from results.records.store import RecordStore
from search_spaces.values import Value
from sweeps.base.closing import try_all
from sweeps.base.interruption import Interruption
from sweeps.books.measured import evaluation_of, measurement_of, with_cost
from sweeps.books.mlflow_writer import Scribe
from sweeps.books.tune_trial import Reported, TuneTrial
from sweeps.search.by_hand import Origin
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Attempt, Ending, Evaluation, Outcome

_STATUS: Mapping[Ending, TrialStatus] = {
    Ending.COMPLETE: TrialStatus.COMPLETE,
    Ending.STOPPED: TrialStatus.PRUNED,
    Ending.SUSPENDED: TrialStatus.INTERRUPTED,
    Ending.DIVERGED: TrialStatus.DIVERGED,
    Ending.FAILED: TrialStatus.FAILED,
    Ending.INFEASIBLE: TrialStatus.INFEASIBLE,
}


_P = ParamSpec("_P")


class Study(Protocol):
    """The book of the search, which learns what came of its trials."""

    def measured(self, record: TrialRecord) -> None:
        """The trial's evaluations so far."""

    def ended(self, record: TrialRecord) -> None:
        """The trial's end."""

    def origin(self, number: int) -> Origin:
        """Whether a user asked for the trial."""


def _halting(
    method: Callable[Concatenate[Recorder, _P], None],
) -> Callable[Concatenate[Recorder, _P], None]:
    """Halt the search on failed writes and on bugs of ours, which Tune would take for a trial's
    own. The driver raises them."""

    @wraps(method)
    def guarded(self: Recorder, /, *arguments: _P.args, **info: _P.kwargs) -> None:
        try:
            if self.fault is None:
                method(self, *arguments, **info)
        except Exception as error:  # noqa: BLE001 - the edge to Tune: raised by the driver
            self.halt(error)

    return guarded


class Recorder(Callback):
    """Turns events of Tune and the searcher into records: in the folder, then in Optuna and MLflow.

    So the folder is never behind the other two, which can be repaired from it.

    `on_change` gets each changed record once it is on disk; `accept` the number of each complete
    trial; `cancel` that of each trial that Tune has ended, so that its slot may drop it at the next
    step. `board_lives`: whether the trials' board still exists. `fault`: the error in writing the
    books that halted the search.
    """

    def __init__(
        self,
        sweep: SweepRecord,
        store: RecordStore,
        study: Study,
        scribe: Scribe,
        accept: Callable[[int], None],
        cancel: Callable[[int], None],
        board_lives: Callable[[], bool],
        on_change: Callable[[TrialRecord], None],
        interruption: Interruption,
    ) -> None:
        self.sweep = sweep
        self.fault: Exception | None = None
        self.records = {record.number: record.laid_aside() for record in store.trials()}
        self._attempts = {number: record.attempts for number, record in self.records.items()}
        self._to_stop: set[int] = set()
        self._under_way: set[int] = set()
        self._store = store
        self._study = study
        self._scribe = scribe
        assert sweep.provenance is not None, "a sweep that runs knows where it comes from"
        self._provenance = sweep.provenance
        self._accept = accept
        self._cancel = cancel
        self._board_lives = board_lives
        self._on_change = on_change
        self._interruption = interruption

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        """Pickled by Tune for its own restore, which we do not use: the books are on disk."""
        return Callback, ()

    def halt(self, error: Exception) -> None:
        """End the search; the driver raises the error."""
        self.fault = error
        self._interruption.halted = True

    def under_way(self) -> int:
        """Number of trials with a slot or waiting for one."""
        return len(self._under_way)

    def complete(self) -> list[tuple[Evaluation, ...]]:
        """The evaluations of each completed trial."""
        ended = (record for record in self.records.values() if record.status.can_win)
        return [tuple(map(evaluation_of, record.measurements)) for record in ended]

    # Events of the searcher

    def suggested(
        self,
        number: int,
        params: Mapping[str, object],
        config: TrialConfig,
        confirms: int | None = None,
        repeat: int = 0,
        repairs: Mapping[str, int] | None = None,
    ) -> tuple[Evaluation, ...]:
        """A trial is in the queue, for the first time or again."""
        earlier = self.records.get(number)
        if earlier is not None:
            self._write(earlier.with_changes(status=TrialStatus.WAITING))
            return tuple(map(evaluation_of, earlier.measurements))
        self._write(
            TrialRecord(
                sweep=self.sweep.name,
                number=number,
                status=TrialStatus.WAITING,
                params=dict(params),
                config=config.flat(),
                repairs=dict(repairs or {}),
                provenance=self._provenance.with_changes(seed=config.seed),
                confirms=confirms,
                repeat=repeat,
                **self._study.origin(number)._asdict(),
            )
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
        """A combination that is not trained: recorded as a trial that ends with this status."""
        now = time.time()
        record = TrialRecord(
            sweep=self.sweep.name,
            number=number,
            status=status,
            params=dict(params),
            config=dict(config),
            error=why,
            provenance=self._provenance.with_changes(seed=config["seed"]),
            started=now,
            ended=now,
            **self._study.origin(number)._asdict(),
        )
        self._scribe.trial_started(record)
        self._end(record)

    def record_of(self, number: int) -> TrialRecord | None:
        """The record of a trial, if it has one yet."""
        return self.records.get(number)

    def stop(self, number: int) -> bool:
        """End a trial as if it were unpromising: at its next step, or now if nothing trains it.

        May be called again; returns whether this call is the first one with an effect.
        """
        record = self.records.get(number)
        if record is None or record.status.ended:
            return False
        first = number not in self._to_stop
        self._to_stop.add(number)
        if record.status is TrialStatus.INTERRUPTED:
            self._scribe.trial_started(record)  # one killed while it waited has no run yet
            self._end(record.with_changes(status=TrialStatus.PRUNED, ended=time.time()))
        else:
            self._cancel(number)
        return first

    # Events of Tune

    @_halting
    def on_trial_start(
        self, /, iteration: int, trials: Sequence[TuneTrial], trial: TuneTrial, **info: object
    ) -> None:
        """A trial started."""
        record = self._record_of(trial)
        if record.status is TrialStatus.WAITING:
            began = record.started or time.time()
            record = record.with_changes(status=TrialStatus.RUNNING, started=began)
            self._scribe.trial_started(record)
            self._write(record)

    @_halting
    def on_trial_result(
        self,
        /,
        iteration: int,
        trials: Sequence[TuneTrial],
        trial: TuneTrial,
        result: Reported,
        **info: object,
    ) -> None:
        """A trial was measured. Its last result may repeat the evaluation before."""
        evaluation: Evaluation | None = result["evaluation"]
        if evaluation is not None:
            self._measured(self._record_of(trial), evaluation)

    @_halting
    def catch_up(self, measured: Mapping[str, Sequence[Evaluation]]) -> None:
        """Record measurements of open trials that Tune, which has ended, did not deliver.

        A trial can resume from a checkpoint only if all earlier evaluations are on record.
        """
        for number in list(self.records):
            for evaluation in measured.get(str(self.records[number].key), ()):
                if self.records[number].status is TrialStatus.RUNNING:
                    self._measured(self.records[number], evaluation)

    @_halting
    def on_trial_complete(
        self, /, iteration: int, trials: Sequence[TuneTrial], trial: TuneTrial, **info: object
    ) -> None:
        """A trial has ended by itself, or was stopped early (then it has no outcome)."""
        result = trial.last_result or {}
        outcome: Outcome | None = result.get("outcome")
        record = self._record_of(trial)
        self._cancel(record.number)
        # Tune marks a result as done if the scheduler stopped the trial at it.
        if outcome is None and not result.get("done") and self._interruption.stop_all():
            return  # `interrupt` marks it as interrupted
        if outcome is None:
            self._end(record.with_changes(status=TrialStatus.PRUNED, ended=time.time()))
            return
        if outcome.ending is Ending.SUSPENDED:
            self._interruption.halted = (
                True  # the board is closed: it never suspends a single trial
            )
        if outcome.ending is Ending.COMPLETE:
            self._accept(record.number)
        record = self._with_attempt(with_cost(record, outcome.cost), outcome.attempt)
        status = _STATUS[outcome.ending]
        if not status.ended:
            self._end(record.with_changes(status=status))
            return
        self._end(record.with_changes(status=status, error=outcome.error, ended=time.time()))

    @_halting
    def on_trial_error(
        self, /, iteration: int, trials: Sequence[TuneTrial], trial: TuneTrial, **info: object
    ) -> None:
        """The trial's thin actor died repeatedly, or the board is gone."""
        if not self._board_lives():
            self._interruption.halted = True
            return
        record = self._record_of(trial)
        self._cancel(record.number)
        error = "the trial's client process died repeatedly; see Ray's logs"
        now = time.time()
        self._end(record.with_changes(status=TrialStatus.FAILED, error=error, ended=now))

    def tested(self, number: int, metrics: Mapping[str, float]) -> None:
        """A winner was measured on the test set."""
        record = self.records[number].with_changes(test=dict(metrics))
        self._store.write_trial(record)
        self.records[number] = record
        self._scribe.tested(record)

    def interrupt(self) -> None:
        """Mark open trials as interrupted at the end of the sweep.

        They stay open in Optuna, and continue when the sweep is resumed.
        """
        unfinished = [record for record in self.records.values() if not record.status.ended]
        try_all(*(partial(self._lay_aside, record) for record in unfinished))

    def _lay_aside(self, record: TrialRecord) -> None:
        if record.status is TrialStatus.WAITING:
            self._scribe.trial_started(record)
        self._end(record.laid_aside())

    def _measured(self, record: TrialRecord, evaluation: Evaluation) -> None:
        if any(m.point == evaluation.point for m in record.measurements):
            return
        measurement = measurement_of(evaluation)
        record = record.with_changes(measurements=(*record.measurements, measurement))
        self._write(self._with_attempt(with_cost(record, evaluation.cost), evaluation.attempt))
        self._study.measured(self.records[record.number])
        self._scribe.measured(record.key, measurement)

    def _end(self, record: TrialRecord) -> None:
        if record.status is TrialStatus.PRUNED and record.number in self._to_stop:
            record = record.with_changes(stopped_by_hand=True)
        self._write(record)
        if record.status.ended:
            self._study.ended(record)
        self._scribe.trial_ended(record, self.sweep)

    def _write(self, record: TrialRecord) -> None:
        record = record.with_changes(run_id=self._scribe.run_ids.get(record.key))
        self._store.write_trial(record)
        self.records[record.number] = record
        if record.status.under_way:
            self._under_way.add(record.number)
        else:
            self._under_way.discard(record.number)
        self._on_change(record)

    def _with_attempt(self, record: TrialRecord, attempt: Attempt) -> TrialRecord:
        """The record with the attempt's number and hardware; without a slot it has neither."""
        if not attempt.number:
            return record
        assert record.provenance is not None, "every trial's record says where it comes from"
        provenance = record.provenance.with_changes(device=attempt.device)
        attempts = self._attempts.get(record.number, 0) + attempt.number
        held = attempt.micro_batch_size
        repairs = record.repairs | ({} if held is None else {"micro_batch_size": held})
        return record.with_changes(attempts=attempts, repairs=repairs, provenance=provenance)

    def _record_of(self, trial: TuneTrial) -> TrialRecord:
        return self.records[int(trial.config["trial"])]
