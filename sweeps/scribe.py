"""The one writer of MLflow: a thread that takes down what the driver tells it, in order.

Tracking that cannot start stops the sweep before any training. Tracking that fails later never
does: the sweep folder has everything, and what MLflow missed is said at the end.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from results.record import Measurement, SweepRecord, TrialRecord
from results.winners import Ranking, Winner

if TYPE_CHECKING:
    from results.tracking import Tracker

Entry = Callable[["Tracker"], None]

PATIENCE = 60.0
"""Seconds that the end of a sweep waits for a tracking server; the sweep folder has it all."""


class Scribe:
    """Writes a sweep to MLflow in the background. `run_ids` maps trial numbers to their runs."""

    def __init__(self, uri: str, experiment: str, artifacts: str | None) -> None:
        self.run_ids: dict[int, str] = {}
        self.parent: str | None = None
        self.failures: list[str] = []
        self.missed = 0
        self._where = (uri, experiment, artifacts)
        self._entries: queue.Queue[Entry | None] = queue.Queue()
        self._opened = threading.Event()
        self._refusal: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="scribe", daemon=True)

    def start(self, record: SweepRecord, spec_text: str) -> None:
        """Open the parent run in the background; `wait_until_open` tells how that went."""
        self._sweep = (record, spec_text)
        self._thread.start()

    def wait_until_open(self) -> str:
        """The parent run's id; raises what MLflow raised."""
        self._opened.wait()
        if self._refusal is not None:
            raise self._refusal
        assert self.parent is not None, "an opened sweep has a run"
        return self.parent

    def trial_started(self, record: TrialRecord) -> None:
        """Open the trial's run."""

        def entry(tracker: Tracker) -> None:
            assert self.parent is not None
            self.run_ids[record.number] = tracker.start_trial(record, self.parent)

        self._entries.put(entry)

    def measured(self, number: int, measurement: Measurement) -> None:
        """Log one evaluation of a trial."""
        self._entries.put(lambda t: t.log_measurement(self.run_ids[number], measurement))

    def tested(self, record: TrialRecord) -> None:
        """Log what a trial that won measures on the test set."""

        def entry(tracker: Tracker) -> None:
            tracker.log_test(record.with_changes(run_id=self.run_ids[record.number]))

        self._entries.put(entry)

    def trial_ended(self, record: TrialRecord, sweep: SweepRecord) -> None:
        """Close the trial's run."""

        def entry(tracker: Tracker) -> None:
            known = record.with_changes(run_id=self.run_ids[record.number])
            tracker.end_trial(known, sweep.goals)

        self._entries.put(entry)

    def sweep_ended(
        self, record: SweepRecord, ranking: Ranking, weights: Callable[[int], Path]
    ) -> None:
        """Close the parent run, and keep the weights and configs of whoever won as artifacts.

        They go to the winner's own run and to the parent. Of a front, each trial's go to its own
        run only. `weights` tells the folder where a trial's are; it may not be there.
        """

        def entry(tracker: Tracker) -> None:
            assert self.parent is not None
            tracked = _with_run_ids(ranking, self.run_ids)
            for winner in tracked.chosen:
                own = self.run_ids[winner.record.number]
                for run_id in (own,) if ranking.several else (own, self.parent):
                    _keep(tracker, run_id, winner, weights(winner.record.number))
            tracker.end_sweep(record.with_changes(run_id=self.parent), tracked)

        self._entries.put(entry)

    @property
    def busy(self) -> bool:
        """Whether something is left to write down."""
        return not self._entries.empty()

    def finish(self) -> None:
        """Write down what is left, and stop; what takes longer than `PATIENCE` is given up."""
        self._entries.put(None)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self.missed += self._entries.qsize()
            self.failures.append(f"no answer for {PATIENCE:.0f} s")

    def _write(self) -> None:
        try:
            tracker = self._open()
        except Exception as error:  # noqa: BLE001 - the edge of a thread: raised in wait_until_open
            self._refusal = error
            return
        finally:
            self._opened.set()
        while (entry := self._entries.get()) is not None:
            try:
                entry(tracker)
            except Exception as error:  # noqa: BLE001 - tracking never stops training
                self.missed += 1
                self.failures.append(f"{type(error).__name__}: {error}")

    def _open(self) -> Tracker:
        # Imported here, in the thread: MLflow takes seconds, in which Ray can start.
        from results.tracking import Tracker

        tracker = Tracker(*self._where)
        record, spec_text = self._sweep
        self.parent = tracker.start_sweep(record, spec_text)
        return tracker


def _with_run_ids(ranking: Ranking, run_ids: Mapping[int, str]) -> Ranking:
    """The ranking with the runs that records on disk do not know of yet."""
    winners = (
        replace(w, record=w.record.with_changes(run_id=run_ids[w.record.number]))
        for w in ranking.winners
    )
    return replace(ranking, winners=tuple(winners))


def _keep(tracker: Tracker, run_id: str, winner: Winner, weights: Path) -> None:
    config = yaml.safe_dump(dict(winner.record.config), sort_keys=False)
    tracker.log_text(run_id, config, "winner.yaml")
    if weights.is_dir():
        tracker.log_artifacts(run_id, weights, "model")
