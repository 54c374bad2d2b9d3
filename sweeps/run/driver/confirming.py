"""The confirmation of a sweep: its best trials are trained again, through the same board."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from results.ranking.front import judge
from results.records.record import TrialRecord, TrialStatus
from sweeps.base.interruption import Interruption
from sweeps.base.view import View
from sweeps.books.books import Books
from sweeps.home.home import SweepFolder
from sweeps.run.repeats import Repeat, missing_repeats, repeated_config
from sweeps.search.admission import Admission
from sweeps.search.by_hand import Origin
from sweeps.spec.spec import SweepSpec
from trainables.board.board_client import Answer, BoardClient
from trainables.board.job import WEIGHTS, Job, JobKind
from trainables.board.ticket import Event
from trainables.core.evaluation import Evaluation, Outcome

if TYPE_CHECKING:
    from sweeps.books.recorder import Recorder
    from sweeps.books.tune_trial import Reported
    from sweeps.search.searcher import Suggestion

_PAUSE = 0.1
"""Seconds between two looks for news of the board."""


class NoStudy:
    """In place of the study: the sampler learns nothing from confirmations."""

    def measured(self, record: TrialRecord) -> None:
        """Nothing."""

    def ended(self, record: TrialRecord) -> None:
        """Nothing."""

    def origin(self, number: int) -> Origin:
        """No user asked for one by hand."""
        return Origin(added_by_hand=False, cloned_from=None)


@dataclass
class _Running:
    """A confirmation on the board; the recorder reads it as a trial of Tune."""

    config: Suggestion
    answer: Answer[Event]
    heard: int
    last_result: Reported | None = None


class Confirming:
    """Trains the missing confirmations, as many at once as the slots take, without early stopping.

    `run` returns when all have ended or when it is interrupted.
    """

    def __init__(
        self,
        spec: SweepSpec,
        folder: SweepFolder,
        books: Books,
        view: View,
        board: BoardClient,
        slots: str,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._books = books
        self._view = view
        self._board = board
        self._slots = slots
        self._running: dict[int, _Running] = {}
        self._testing: dict[int, Answer[Event]] = {}

    def recorder(self, interruption: Interruption, board_lives: Callable[[], bool]) -> Recorder:
        """The recorder of confirmations; the board learns nothing about weights from them."""
        from sweeps.books.recorder import Recorder

        self._recorder = Recorder(
            self._books.sweep,
            self._folder.confirmations,
            NoStudy(),
            self._books.scribe,
            accept=lambda number: None,
            cancel=lambda number: None,
            board_lives=board_lives,
            on_change=self._changed,
            interruption=interruption,
        )
        return self._recorder

    def run(
        self,
        trials: Sequence[TrialRecord],
        at_once: Callable[[], int],
        interruption: Interruption,
        tests: bool,
        admits: Callable[[Mapping[str, object], int], Admission],
        on_last: Callable[[], object],
    ) -> None:
        """Train and test what is missing, until the first trial that is never admitted. `on_last`
        is called once no further training will come; `tests` is whether there is a test set."""
        assert self._spec.confirm is not None, "asked for"
        self._tests = tests
        ranking = judge(list(trials), self._books.sweep.goals)
        waiting = missing_repeats(ranking, list(self._records.values()), self._spec.confirm)
        for number in self._untested():
            self._test(number)
        if waiting:
            self._show(len(waiting))
        news = True
        while not interruption.stop_all() and (waiting or self._running or self._testing):
            while news and waiting and len(self._running) < at_once():
                news = self._begin(waiting, admits)
            if not waiting:
                on_last()
                on_last = _nothing
            if self._heard():
                news = True  # more is known of those under way
            else:
                time.sleep(_PAUSE)
        self._books.drop_repeats(self._known(), self._untested())

    @property
    def _records(self) -> dict[int, TrialRecord]:
        return self._recorder.records

    def _known(self) -> list[TrialRecord]:
        return list(self._records.values())

    def _show(self, missing: int) -> None:
        sweep = self._books.sweep
        ended = sum(record.status.ended for record in self._known())
        named = sweep.with_changes(
            name=f"{sweep.name} confirmation", budget_trials=ended + missing, asked_trials=None
        )
        self._view.trials_end()
        self._view.trials_begin(named, self._slots)
        self._view.known(self._known())

    def _begin(
        self, waiting: list[Repeat], admits: Callable[[Mapping[str, object], int], Admission]
    ) -> bool:
        """Begin the first of those that wait, if it is admitted; drop all if it never will be.
        Whether to ask for the next one now."""
        first = waiting[0]
        answer = admits(first.trial.params, first.number)
        if answer is Admission.NOW:
            self._submit(waiting.pop(0))
        elif answer is Admission.NEVER:
            waiting.clear()
        return answer is Admission.NOW

    def _submit(self, repeat: Repeat) -> None:
        config = repeated_config(self._spec, repeat)
        seen = self._recorder.suggested(
            repeat.number, repeat.trial.params, config, repeat.trial.number, repeat.seed
        )
        key = str(self._records[repeat.number].key)
        folder = self._folder.confirmations.trial_folder(repeat.number)
        self._board.submit(Job(key, config, folder, seen=seen, keeps=True))
        suggestion: Suggestion = {
            "trial": repeat.number,
            "config": config,
            "folder": str(folder),
            "seen": seen,
            "forking": None,
        }
        running = _Running(suggestion, self._board.send_event(key, len(seen)), len(seen))
        self._running[repeat.number] = running
        self._recorder.on_trial_start(0, [], running)

    def _heard(self) -> bool:
        """Take the news that has come; whether there was any."""
        trained = [each for each in self._running.values() if each.answer.has_come()]
        tested = [number for number, answer in self._testing.items() if answer.has_come()]
        for running in trained:
            self._take(running, running.answer.get())
        for number in tested:
            self._take_test(number, self._testing.pop(number).get())
        return bool(trained or tested)

    def _take(self, running: _Running, event: Event) -> None:
        number = running.config["trial"]
        if isinstance(event, Evaluation):
            running.heard += 1
            key = str(self._records[number].key)
            running.answer = self._board.send_event(key, running.heard)
            reported: Reported = {"evaluation": event, "outcome": None}
            self._recorder.on_trial_result(0, [], running, reported)
            return
        del self._running[number]
        running.last_result = {"evaluation": None, "outcome": event}
        self._recorder.on_trial_complete(0, [], running)
        if number in self._untested():
            self._test(number)
        else:
            self._books.drop_repeats(self._known(), self._untested())

    def _untested(self) -> Collection[int]:
        """The complete repeats that have weights for the test set, and no result on it."""
        if not self._tests:
            return ()
        return [
            each.number
            for each in self._known()
            if each.status is TrialStatus.COMPLETE and not each.test and self._has_weights(each)
        ]

    def _has_weights(self, record: TrialRecord) -> bool:
        folder = self._folder.confirmations.trial_folder(record.number)
        return self._spec.storage.uri is not None or (folder / WEIGHTS).is_dir()

    def _test(self, number: int) -> None:
        record = self._records[number]
        config = repeated_config(self._spec, Repeat(number, _trial_of(record), record.repeat))
        folder = self._folder.confirmations.trial_folder(number)
        name = f"test-{record.key}"
        self._board.submit(Job(name, config, folder, JobKind.TEST))
        self._testing[number] = self._board.send_event(name, 0)

    def _take_test(self, number: int, event: Event) -> None:
        if isinstance(event, Outcome):
            called = self._records[number].called
            self._view.say(f"The test set could not be measured for {called}: {event.error}")
        else:
            self._recorder.tested(number, event.metrics)
        untested = [each for each in self._untested() if each in self._testing]
        self._books.drop_repeats(self._known(), untested)

    def _changed(self, record: TrialRecord) -> None:
        self._books.note_breakdowns()
        self._view.changed(record)


def _trial_of(record: TrialRecord) -> TrialRecord:
    """What of the confirmed trial decides a repeat's configuration."""
    assert record.confirms is not None, "a confirmation"
    return record.with_changes(number=record.confirms, confirms=None, repeat=0)


def _nothing() -> None:
    return None
