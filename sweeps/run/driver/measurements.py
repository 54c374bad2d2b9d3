"""Measurements besides the trials': the base model, and the winner on the test set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from results.ranking.front import judge
from results.records.record import TrialRecord
from sweeps.base.errors import LaunchError
from sweeps.base.view import View
from sweeps.books.books import Books
from sweeps.books.recorder import Recorder
from sweeps.home.home import SweepFolder
from sweeps.models.choice import config_of
from sweeps.run.driver.time_share import time_note
from sweeps.run.first_trial import untouched
from sweeps.spec.spec import SweepSpec
from trainables.board.board_client import BoardClient
from trainables.board.job import Job, JobKind
from trainables.board.ticket import Event
from trainables.core.evaluation import Evaluation
from trainables.training.inputs import Inputs

BASE_TRIAL = "base"
"""The board's name for the job that measures the untouched model."""


def without_value(base: Mapping[str, float], goals: Iterable[str]) -> Iterator[str]:
    """What to know before the first trial of metrics that are no number for the base."""
    for name in goals:
        value = base.get(name)
        if value is not None and not math.isfinite(value):
            shown = "NaN" if math.isnan(value) else f"{value:g}"
            yield (
                f"{name} of the untouched base model is {shown}. A trial whose value is no finite "
                "number cannot win; if that is not meant, press Ctrl-C and correct the metric."
            )


class Measurements:
    """Submits the jobs of these measurements and records their results."""

    def __init__(
        self, spec: SweepSpec, folder: SweepFolder, books: Books, view: View, board: BoardClient
    ) -> None:
        self._spec = spec
        self._base_trial = untouched(spec.trial)
        self._folder = folder
        self._books = books
        self._view = view
        self._board = board

    def base(self, inputs: Inputs | None) -> None:
        """Measure the untouched base, and say what follows from it for the trials; LaunchError on
        failure, since trials would fail too."""
        self._view.phase("Measuring the untouched base model")
        event = self._done(
            Job(BASE_TRIAL, self._base_trial, self._folder.base, JobKind.MEASURE_BASE)
        )
        if not isinstance(event, Evaluation):
            raise LaunchError(f"the base model could not be measured: {event.error}")
        self._books.note(base=dict(event.metrics), loading_seconds=event.cost.loading_seconds)
        for text in without_value(event.metrics, self._books.sweep.goals):
            self._view.say(f"Note: {text}")
        if inputs and (note := time_note(self._spec, inputs, event)):
            self._view.say(f"Note: {note}")

    def test(self, records: Sequence[TrialRecord], recorder: Recorder) -> None:
        """Measure the base and the winners on the test set, never used for selection."""
        chosen = judge(records, self._books.sweep.goals).chosen
        if not chosen:
            return
        self._view.phase("Measuring the winner on the test set")
        self._test_base()
        for winner in chosen:
            number = winner.record.number
            if winner.record.test:
                continue  # measured before the sweep was resumed
            folder = self._folder.store.trial_folder(number)
            # As its slot had it in the end: with the micro-batch that fitted.
            job = Job(f"test-{number}", config_of(self._spec, winner.record), folder, JobKind.TEST)
            recorder.tested(number, self._tested(job))

    def _test_base(self) -> None:
        """Measure the base on the test set, unless that was done before the sweep was resumed:
        judges ask for money, and may say something else the next time."""
        known = self._books.sweep.base
        if not any(name.startswith("test_") for name in known):
            job = Job("test-base", self._base_trial, self._folder.base, JobKind.TEST_BASE)
            self._books.note(base={**known, **self._tested(job)})

    def _tested(self, job: Job) -> dict[str, float]:
        """The metrics on the test set; on failure, empty with a message: results stay valid."""
        event = self._done(job)
        if isinstance(event, Evaluation):
            return dict(event.metrics)
        self._view.say(f"The test set could not be measured: {event.error}")
        return {}

    def _done(self, job: Job) -> Event:
        """Run a job; returns its first event."""
        self._books.refuse_if_taken_over()
        self._board.submit(job)
        import ray.tune  # noqa: F401  # takes a second, while the slot runs the job

        event = self._board.event(job.trial_id, 0)
        if isinstance(event, Evaluation) and event.cost.judge_tokens:
            known, cost = self._books.sweep, event.cost
            self._books.note(
                judge_tokens=known.judge_tokens + cost.judge_tokens,
                judge_dollars=known.judge_dollars + cost.judge_dollars,
            )
        return event
