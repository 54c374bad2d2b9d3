"""The one writer of MLflow: a thread that writes the driver's entries, each trial's in order.

If tracking cannot start, the sweep stops before any training. If the store goes away later, writes
are retried while training continues. The sweep folder has everything, and the number of entries
missing in MLflow is shown at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from results.mlflow.tracking_error import StoreAwayError, StoreFullError, TrackingError
from results.ranking.winners import Ranking
from results.records.record import Measurement, SweepRecord, TrialKey, TrialRecord
from results.records.stamps import Stamps
from sweeps.books.entries import Entries, Entry, together
from trainables.core.background import Background, Tell, logged
from trainables.core.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from results.mlflow.reconcile import Reconciled
    from results.mlflow.tracking import Tracker

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that the end of a sweep waits for a store that accepts nothing."""

FULL_PATIENCE = 2.0
"""Seconds that it waits for one whose disk is full: room is not made by waiting."""

UPLOAD_PATIENCE = 600.0
"""Seconds that the end of a sweep waits for an upload of weights."""

START_PATIENCE = 3.0
"""Seconds for which a failing store is retried at the start."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts at the same entry; each pause is twice the one before."""

REFUSALS = 8
"""Consecutive failures of an entry, while the store accepts others, until it is skipped."""


class Scribe:
    """Writes a sweep to MLflow in the background. `run_ids` maps trials' keys to their runs.

    `broken` is told if the writing itself breaks down; remaining entries then count as missed.
    """

    def __init__(
        self,
        uri: str,
        experiment: str,
        artifacts: str | None,
        broken: Tell = logged,
    ) -> None:
        self.run_ids: dict[TrialKey, str] = {}
        self.parent: str | None = None
        self.failures: list[str] = []
        self.missed = 0
        self.reconciled: Reconciled | None = None
        self._where = (uri, experiment, artifacts)
        self._stamps = Stamps()
        self._told = self._done = 0
        self._entries = Entries()
        self._opened = threading.Event()
        self._given_up = threading.Event()
        self._counting = threading.Lock()
        self._refusal: BaseException | None = None
        self._away: StoreAwayError | None = None
        self._patience = PATIENCE
        self._progress = time.monotonic()
        loss = "the sweep continues, and its folder has the entries that MLflow misses"
        self._thread = Background("MLflow", self._run, loss, broken)

    def start(self, record: SweepRecord, spec_text: str) -> None:
        """Open the parent run in the background; see `wait_until_open` for the outcome."""
        self._sweep = (record, spec_text, self._stamps.next())
        self._thread.start()

    def wait_until_open(self) -> str:
        """The parent run's id; re-raises MLflow's errors."""
        self._opened.wait()
        if self._refusal is not None:
            raise self._refusal
        assert self.parent is not None, "an opened sweep has a run"
        return self.parent

    def opens(self) -> bool:
        """Whether there is a parent run, once known; never without a start."""
        if self._thread.started:
            self._opened.wait()
        return self.parent is not None

    def trial_started(self, record: TrialRecord) -> None:
        """Open the trial's run."""

        def write(tracker: Tracker) -> None:
            assert self.parent is not None
            self.run_ids[record.key] = tracker.start_trial(record, self.parent)

        self._put(Entry(write, begins=True), record.key)

    def measured(self, trial: TrialKey, measurement: Measurement) -> None:
        """Log one evaluation of a trial."""
        stamp = self._stamps.next()
        entry = Entry(lambda t: t.log_measurement(self._run_of(trial), measurement, stamp))
        self._put(entry, trial)

    def tested(self, record: TrialRecord) -> None:
        """Log a winner's measurements on the test set."""
        stamp = self._stamps.next()
        self._put(Entry(lambda t: t.log_test(self._known(record), stamp)), record.key)

    def trial_ended(self, record: TrialRecord, sweep: SweepRecord) -> None:
        """Close the trial's run."""
        stamp = self._stamps.next()
        goals = sweep.goals
        entry = Entry(lambda t: t.end_trial(self._known(record), goals, stamp), ended=record)
        self._put(entry, record.key)

    def sweep_ended(
        self, record: SweepRecord, ranking: Ranking, weights: Callable[[int], Path]
    ) -> None:
        """Close the parent run, and keep weights and configs of the winners as artifacts.

        They go to the winner's own run and to the parent; on a front, only to each trial's own
        run. `weights` gives the folder of a trial's weights; it may not exist.
        """
        stamp = self._stamps.next()
        for winner in ranking.chosen:
            for in_parent in (False,) if ranking.several else (False, True):
                self._keep(winner.record, weights(winner.record.number), in_parent)

        def write(tracker: Tracker) -> None:
            ended = record.with_changes(run_id=self.parent)
            tracker.end_sweep(ended, _with_run_ids(ranking, self.run_ids), stamp)

        self._put(Entry(write))

    def verdict(self, verdict: str, report: Path) -> None:
        """Describe the sweep's run by its verdict, and keep the report there."""

        def write(tracker: Tracker) -> None:
            assert self.parent is not None
            tracker.log_verdict(self.parent, verdict, report)

        self._put(Entry(write, uploads=True))

    def confirmed(
        self, trial: int, means: Mapping[str, float], repeat: TrialRecord | None, weights: Path
    ) -> None:
        """Name the confirmed winner in the sweep's run, with the weights of its best repeat."""
        stamp = self._stamps.next()

        def write(tracker: Tracker) -> None:
            assert self.parent is not None
            tracker.log_confirmed(self.parent, trial, means, stamp)
            if repeat is not None:
                tracker.log_winner(self.parent, repeat, weights)
                tracker.log_winner(self._run_of(repeat.key), repeat, weights)

        self._put(Entry(write, uploads=True))

    def catch_up(
        self, trials: Sequence[TrialRecord], ranking: Ranking, weights: Callable[[int], Path]
    ) -> None:
        """Add entries of the started sweep that MLflow misses, and learn its trials' runs.

        `reconciled` has the outcome, once written.
        """

        def write(tracker: Tracker) -> None:
            from results.mlflow.reconcile import reconcile

            record, text, _ = self._sweep
            record = record.with_changes(run_id=self.parent)
            self.reconciled = reconcile(tracker, text, record, trials, ranking, weights)
            self.run_ids |= self.reconciled.run_ids
            for refused in self.reconciled.refused:
                self._miss(TrackingError(refused))

        self._put(Entry(write, uploads=True))

    @property
    def busy(self) -> bool:
        """Whether entries are left to write."""
        left = self._told > self._done and not self._given_up.is_set()
        return left and self._thread.breakdown is None

    def finish(self, progress: Progress = NO_PROGRESS) -> None:
        """Write the remaining entries, and stop.

        Continues as long as entries go through. Gives up on a store that accepts nothing for
        `PATIENCE`, or whose disk is full; remaining entries then count as missed.
        """
        self._entries.close()
        self._progress = time.monotonic()
        with progress.phase("entries", self._told - self._done) as gauge:
            begun = self._done
            while self._thread.runs and self._waiting() < self._patience:
                self._thread.wait(0.1)
                gauge.set(self._done - begun)
        if self._thread.runs:
            full = isinstance(self._away, StoreFullError)
            silent = f"no answer for {self._patience:.0f} s; {self._away or 'slow'}"
            self.give_up(str(self._away) if full else silent)
        elif self._thread.breakdown and not self._given_up.is_set():
            self.give_up(self._thread.breakdown)

    def give_up(self, why: str) -> None:
        """Wait no longer; remaining entries, at least the end of the sweep, count as missed."""
        with self._counting:
            self._given_up.set()
            self.missed += max(1, self._told - self._done)
            self.failures.append(why)
        self._entries.close()

    def _put(self, entry: Entry, trial: TrialKey | None = None) -> None:
        self._told += 1
        self._entries.put(entry, trial)

    def _keep(self, record: TrialRecord, weights: Path, in_parent: bool) -> None:
        def write(tracker: Tracker) -> None:
            run_id = self.parent if in_parent else self._run_of(record.key)
            assert run_id is not None
            tracker.log_winner(run_id, record, weights)

        self._put(Entry(write, uploads=True))

    def _run_of(self, trial: TrialKey) -> str:
        if trial not in self.run_ids:
            called = f"trial {trial}" if isinstance(trial, int) else trial
            raise TrackingError(f"{called} has no MLflow run because its run could not be started")
        return self.run_ids[trial]

    def _known(self, record: TrialRecord) -> TrialRecord:
        return record.with_changes(run_id=self._run_of(record.key))

    def _waiting(self) -> float:
        return time.monotonic() - self._progress

    def _run(self) -> None:
        try:
            tracker = self._open()
        except BaseException as error:  # noqa: BLE001 - raised in wait_until_open
            # A library's exit must not become this process's.
            ours = isinstance(error, Exception)
            self._refusal = error if ours else TrackingError(f"MLflow exited with {error!r}")
            return
        finally:
            self._opened.set()
        while (entries := self._entries.take()) and not self._given_up.is_set():
            self._write_together(tracker, entries)

    def _open(self) -> Tracker:
        # Imported here, in the thread: MLflow takes seconds; Optuna opens meanwhile.
        from results.mlflow.tracking import Tracker

        def begin() -> Tracker:
            tracker = Tracker(*self._where)
            self.parent = tracker.start_sweep(*self._sweep)
            return tracker

        return at_the_start(begin)

    def _write_together(self, tracker: Tracker, entries: Sequence[Entry]) -> None:
        """Write all at once, or one by one if MLflow refuses some of them."""
        error = self._write(tracker, together(entries))
        if error is not None and len(entries) > 1:
            for entry in entries:
                self._write_together(tracker, [entry])
            return
        with self._counting:
            if self._given_up.is_set():
                return  # they are among those that were counted as missed
            if error is not None:
                self._miss(error)
            self._progress = time.monotonic()
            self._done += len(entries)

    def _write(self, tracker: Tracker, entry: Entry) -> Exception | None:
        """Retry until the entry is written, refused for the returned reason, or given up."""
        refusals = 0
        for pause in _pauses():
            self._patience = UPLOAD_PATIENCE if entry.uploads and not self._away else PATIENCE
            error = _attempt(tracker, entry)
            self._away = error if isinstance(error, StoreAwayError) else None
            if isinstance(error, StoreFullError):
                self._patience = FULL_PATIENCE
            if error is None:
                return None
            refusals = refusals + 1 if self._away and self._takes_others(tracker) else 0
            if self._away is None or refusals == REFUSALS:
                return error
            if self._given_up.wait(pause):
                return None
        raise AssertionError("pauses never end")

    def _takes_others(self, tracker: Tracker) -> bool:
        assert self.parent is not None
        return tracker.takes_writes(self.parent)

    def _miss(self, error: Exception) -> None:
        self.missed += 1
        self.failures.append(f"{type(error).__name__}: {error}")


def at_the_start(ask: Callable[[], T]) -> T:
    """Retry a failing store for `START_PATIENCE`; then raise its error."""
    begun = time.monotonic()
    for pause in _pauses():
        try:
            return ask()
        except StoreAwayError:
            if time.monotonic() - begun + pause > START_PATIENCE:
                raise
        time.sleep(pause)
    raise AssertionError("pauses never end")


def _attempt(tracker: Tracker, entry: Entry) -> Exception | None:
    try:
        entry.write(tracker)
    except Exception as error:  # noqa: BLE001 - tracking never stops training; reported
        return error
    return None


def _pauses() -> Iterator[float]:
    pause = SHORTEST_PAUSE
    while True:
        yield min(pause, LONGEST_PAUSE)
        pause *= 2


def _with_run_ids(ranking: Ranking, run_ids: Mapping[TrialKey, str]) -> Ranking:
    """The ranking with run ids that the records on disk lack so far."""
    winners = (
        replace(w, record=w.record.with_changes(run_id=run_ids.get(w.record.key, w.record.run_id)))
        for w in ranking.winners
    )
    return replace(ranking, winners=tuple(winners))
