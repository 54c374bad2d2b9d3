"""The search of a sweep: trials that its study suggests, through Ray Tune, on its fleet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from results.records.record import TrialRecord
from sweeps.base.interruption import Interruption
from sweeps.base.view import View
from sweeps.books.books import Books
from sweeps.books.recorder import Recorder
from sweeps.home.home import SweepFolder
from sweeps.run.driver.requests import RequestTaker
from sweeps.run.driver.tuner import make_tuner
from sweeps.run.fitting import edits_of
from sweeps.search.admission import Admits
from sweeps.spec.spec import SweepSpec
from trainables.training.inputs import Inputs

if TYPE_CHECKING:
    from ray import tune

    from sweeps.run.driver.fleet import Fleet
    from sweeps.search.study import StudyBook


class Searching:
    """Makes what a search consists of; first the recorder, then the tuner that runs it."""

    def __init__(
        self,
        spec: SweepSpec,
        folder: SweepFolder,
        books: Books,
        view: View,
        study: StudyBook,
        fleet: Fleet,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._books = books
        self._view = view
        self._study = study
        self._fleet = fleet

    def recorder(self, interruption: Interruption) -> Recorder:
        """The recorder of the search's trials, which knows those on record."""
        sent, board = self._fleet.slots.sent, self._fleet.board
        return Recorder(
            self._books.sweep,
            self._folder.store,
            self._study,
            self._books.scribe,
            accept=sent.accept,
            cancel=sent.cancel,
            board_lives=board.lives,
            on_change=self.changed,
            interruption=interruption,
        )

    def tuner(
        self, recorder: Recorder, interruption: Interruption, admits: Admits, inputs: Inputs | None
    ) -> tune.Tuner | None:
        """The search, ready to `fit`; None if all its trials have ended."""
        self._tell_of_earlier(recorder)
        requests = self._hear_requests(recorder)
        records = recorder.records.values()
        ended = sum(record.status.ended for record in records)
        if ended >= self._spec.trials + self._study.added:
            return None
        board, room = self._fleet.board, self._fleet.room
        return make_tuner(
            self._spec,
            self._folder,
            self._study,
            recorder,
            board,
            room.most,
            interruption,
            partial(room.is_free, board, recorder),
            # Slots that leave would be missed by the confirmation.
            on_finished=(lambda: None) if self._spec.confirm else self._fleet.slots.sent.drain,
            requests=requests,
            admits=admits,
            edits=edits_of(self._spec, self._books.sweep),
            inputs=inputs,
        )

    def changed(self, record: TrialRecord) -> None:
        """A trial's record has changed, and is on disk."""
        self._books.drop_files([record])
        self._books.note_breakdowns()
        self._view.changed(record)

    def _tell_of_earlier(self, recorder: Recorder) -> None:
        """Tell the board and the view of the trials on record."""
        for evaluations in recorder.complete():
            self._fleet.board.remember(evaluations)
        records = list(recorder.records.values())
        self._books.drop_files(records, settled=True)
        self._view.trials_begin(self._books.sweep, str(self._fleet))
        self._view.known(records)

    def _hear_requests(self, recorder: Recorder) -> RequestTaker:
        """Take up those made before, and hear of others."""
        store, space, say = self._folder.requests, self._spec.space, self._view.say
        broken = self._books.breakdowns
        requests = RequestTaker(store, space, self._study, recorder, say, broken)
        requests.look()
        return requests
