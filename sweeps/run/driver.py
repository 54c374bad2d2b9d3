"""A running sweep: the board, the slots, the base model's measurement, and Tune's search."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from results.ranking.winners import failure
from results.records.record import SweepState, TrialRecord
from sweeps.base.closing import try_all
from sweeps.base.errors import LaunchError
from sweeps.base.view import View
from sweeps.books.books import Books
from sweeps.caps.used_up import before_the_first_trial
from sweeps.cluster.ray_session import ON_HEAD
from sweeps.home.home import SweepFolder
from sweeps.run.cap_keeper import CapKeeper
from sweeps.run.fitting import edits_of
from sweeps.run.laying_aside import lay_aside
from sweeps.run.repeats import most_repeats
from sweeps.run.slot_room import SlotRoom, wait_for_slots
from sweeps.search.lanes import lanes_said
from sweeps.spec.spec import SweepSpec
from trainables.core.progress import Progress
from trainables.slots.safeguards import Safeguards
from trainables.training.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from results.records.cluster_record import ClusterRecord
    from sweeps.base.interruption import Interruption
    from sweeps.books.recorder import Recorder
    from sweeps.cluster.observer import Observer
    from sweeps.cluster.slots import Slots
    from sweeps.run.requests import RequestTaker
    from sweeps.search.study import StudyBook
    from trainables.board.board_client import BoardClient

_GOING_HOME = 120.0
"""Seconds in which slots without a board end by themselves: a step, and a start."""

_WINDING_UP, _WINDING_UP_OWN = 10.0, 1.0
"""Seconds for Ray Train to end a slot after its workers have left; pointless if Ray ends, too."""

_BARREN_LIVES = 3
"""Maximum number of consecutive board losses without the end of a trial in between."""


class Driver:
    """Runs one sweep in a process that is connected to Ray."""

    def __init__(
        self, spec: SweepSpec, folder: SweepFolder, inputs: Inputs | None, books: Books, view: View
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._inputs = inputs
        self._books = books
        self._view = view
        self._progress = Progress(view.at)
        self._recorder: Recorder | None = None
        self._confirming: Recorder | None = None
        self._study: StudyBook  # set once open
        self._caps = CapKeeper(spec, books.sweep, inputs, self.records, self._repeats)
        self._board: BoardClient | None = None
        self._slots: Slots | None = None
        self._observer: Observer | None = None
        self._winding_up, self._in_a_hurry = 0.0, False  # the latter: Ctrl-C was pressed twice

    def open_study(self) -> None:
        """Open Optuna's study; LaunchError if it cannot be opened or lacks trials on record."""
        from sweeps.search.drawing import guesses
        from sweeps.search.study import StudyBook, open_study

        spec, folder = self._spec, self._folder
        try:
            warm = folder.store.warm_start() if spec.search.warm_start else None
            study = open_study(spec, folder.journal, self._books.sweep.created, warm)
            self._study = StudyBook(study, spec.search, folder.store.trials(), guesses(spec))
        except OSError as error:
            error.filename = error.filename or str(folder.journal)  # Optuna omits it
            raise

    def run(self, own: bool) -> None:
        """Start everything, and search; from the books again if the board is lost. `own` is whether
        this Ray ends with the sweep. The study is open."""
        import ray

        # With a storage, workers that have left still have to empty their scratch folders.
        own = own and self._spec.storage.uri is None
        self._winding_up = _WINDING_UP_OWN if own else _WINDING_UP
        barren = 0
        while True:
            ended = self._ended()
            try:
                self._run()
                return
            except ray.exceptions.RayActorError as error:
                barren = 0 if self._ended() > ended else barren + 1
                if barren == _BARREN_LIVES:
                    raise LaunchError(f"the board was lost {barren} times in a row") from error
                self._view.trials_end()
                self._view.phase("The trial board was lost; restarting from the sweep's records")
                self._stop_looking()
                if self._slots is not None:
                    self._slots.close(_GOING_HOME, self._winding_up)
                self.open_study()

    def _run(self) -> None:
        self._books.refuse_if_taken_over()
        board, slots = self._start_slots()
        from sweeps.run.measurements import Measurements

        measurements = Measurements(self._spec, self._folder, self._books, self._view, board)
        if not self._books.sweep.base:
            measurements.base(self._inputs)
        check = self._books.refuse_if_taken_over
        wait_for_slots(self._spec.slots.min, board, slots, self._view, check)
        recorder = self._search(board, slots)
        if self._inputs is not None and self._inputs.test is not None:
            measurements.test(self.records(), recorder)
        if self._spec.confirm is not None:
            self._confirm(board, slots)

    def end(self, state: SweepState, error: str | None = None) -> None:
        """Close the records of all trials and of the sweep, then stop the slots.

        A finished search counts as failed if all slots died or all trials failed. Each step runs
        even if others raise, on a full disk or Ctrl-C: slots hold GPUs until they are closed.
        """
        try_all(
            self._view.trials_end,
            self._stop_looking,
            partial(self._leave_trials, state),
            self._lay_trials_aside,
            partial(self._close_books, state, error),
            self._books.note_run_ids,
            partial(self._close_slots, state),
        )

    def _stop_looking(self) -> None:
        if self._observer is not None:
            self._observer.close()

    def _leave_trials(self, state: SweepState) -> None:
        """Leave running trials to a head that took over, or save them if time allows."""
        if self._books.taken_over():
            self._books.scribe.give_up("another head node has taken over the sweep")
        elif state is SweepState.INTERRUPTED and self._board is not None and not self._in_a_hurry:
            self._suspend(self._board)

    def _lay_trials_aside(self) -> None:
        for recorder in self._recorders():
            recorder.interrupt()
            if recorder.fault is not None:  # such as from the last events
                raise recorder.fault

    def _recorders(self) -> list[Recorder]:
        return [each for each in (self._recorder, self._confirming) if each is not None]

    def _close_books(self, state: SweepState, error: str | None) -> None:
        if state is SweepState.COMPLETE:
            lost = self._slots.lost() if self._slots is not None else None
            error = lost or failure(self.records())
            state = SweepState.FAILED if error else state
        if self._books.scribe.busy:
            self._view.phase("Writing remaining entries to MLflow; press Ctrl-C to skip")
        self._books.close(state, self.records(), error, self._progress)

    def _close_slots(self, state: SweepState) -> None:
        self._view.phase(None)
        if self._slots is not None:
            # Everything is saved.
            with suppress(KeyboardInterrupt), self._progress.phase("stopping the slots"):
                patience = 10.0 if state is SweepState.COMPLETE else 1.0
                self._slots.close(patience, self._winding_up)
                self._books.drop_files(self.records())  # including files left late by slots

    def records(self) -> list[TrialRecord]:
        """All trials' records so far."""
        known = self._recorder
        return list(known.records.values()) if known else self._folder.store.trials()

    def _repeats(self) -> list[TrialRecord]:
        known = self._confirming
        return list(known.records.values()) if known else self._folder.confirmations.trials()

    def _ended(self) -> int:
        return sum(record.status.ended for record in self.records())

    def _suspend(self, board: BoardClient) -> None:
        self._view.phase("Saving the running trials; press Ctrl-C again to quit immediately")
        lay_aside(board, self._recorders(), board.suspend)

    def _at_cap(self, board: BoardClient, recorder: Recorder) -> None:
        """Lay aside what still trains once a cap is reached, and record which."""
        reached = self._caps.reached
        if reached is None:
            return
        self._view.trials_end()
        if any(not record.status.ended for record in recorder.records.values()):
            self._view.phase("Laying the running trials aside")
            lay_aside(board, [recorder], board.lay_aside)
            recorder.interrupt()
        if not self.records():
            raise LaunchError(before_the_first_trial(reached))
        self._view.say(f"budget.{reached.cap}: {reached.why}")
        self._books.note(reached=reached)

    def _start_slots(self) -> tuple[BoardClient, Slots]:
        from sweeps.cluster.observer import Observer, lanes_on_record
        from sweeps.cluster.ray_nodes import rooms
        from sweeps.cluster.slots import Slots
        from sweeps.spec.capacity import plan_slots
        from sweeps.storage.storage import make_slot_storage
        from trainables.board.board_client import BoardClient

        settings, search = self._spec.slots, self._spec.search
        trials, repeats = self._spec.trials, most_repeats(self._spec)
        count, size = plan_slots(settings, rooms(), max(trials, repeats))
        self._room = room = SlotRoom.of(self._spec, count)
        self._board = board = BoardClient.start(
            search.goals, settings.retries, settings.keep_best, ON_HEAD, search.patience
        )
        deaths = (trials + repeats) * (settings.retries + 1)
        self._slots = slots = Slots(board, ON_HEAD, self._books.breakdowns)
        with self._progress.phase("uploading model and data to the storage"):
            storage = make_slot_storage(self._spec, self._folder, self._inputs)
        safeguards = Safeguards(settings.checkpoint_seconds, settings.trial_timeout, storage)
        store, broken = self._folder.store, self._books.breakdowns
        board.know_lanes(lanes_on_record(store))
        slots.start(count, size, safeguards, self._inputs, self._folder.ray, deaths, room.lanes)
        self._caps.begin(count, size)
        lanes, prices = lanes_said(self._spec), settings.prices
        self._observer = Observer(board, count, size, store, prices, broken, self._seen, lanes)
        self._observer.start()
        self._slots_text = f"{room} of {size}"
        if lanes:
            self._view.say(f"Lanes: {lanes}")
        return board, slots

    def _seen(self, cluster: ClusterRecord) -> None:
        self._caps.seen(cluster)
        self._view.slots(cluster)

    def _confirm(self, board: BoardClient, slots: Slots) -> None:
        """Train the best trials again with fresh seeds; the recorder says which they are."""
        from sweeps.base.interruption import Interruption
        from sweeps.run.confirming import Confirming

        interruption = Interruption(self._is_to_end(repeats=True))
        confirming = Confirming(
            self._spec, self._folder, self._books, self._view, board, self._slots_text
        )
        self._confirming = confirming.recorder(interruption, board.lives)
        tests = self._inputs is not None and self._inputs.test is not None
        with interruption.listening():
            admits, on_last = self._caps.admits_repeat, slots.sent.drain
            at_once = partial(self._room.at_once, board)
            confirming.run(self.records(), at_once, interruption, tests, admits, on_last)
        self._end_of(interruption, self._confirming, board)
        self._at_cap(board, self._confirming)

    def _is_to_end(self, repeats: bool) -> Callable[[], bool]:
        return lambda: self._books.taken_over() or self._caps.is_over(repeats)

    def _search(self, board: BoardClient, slots: Slots) -> Recorder:
        from sweeps.base.interruption import Interruption
        from sweeps.run.tuner import make_tuner

        interruption = Interruption(self._is_to_end(repeats=False))
        self._recorder = recorder = self._make_recorder(interruption, board, slots)
        for evaluations in recorder.complete():
            board.remember(evaluations)
        self._books.drop_files(self.records())
        self._view.trials_begin(self._books.sweep, self._slots_text)
        for record in self.records():
            self._view.changed(record)
        requests = self._hear_requests(recorder)
        if self._ended() >= self._spec.trials + self._study.added:
            return recorder  # resumed only for what comes after the search
        tuner = make_tuner(
            self._spec,
            self._folder,
            self._study,
            recorder,
            board,
            self._room.most,
            interruption,
            partial(self._room.is_free, board, recorder),
            # Slots that leave would be missed by the confirmation.
            on_finished=(lambda: None) if self._spec.confirm else slots.sent.drain,
            requests=requests,
            admits=self._caps.admits,
            edits=edits_of(self._spec, self._books.sweep),
            inputs=self._inputs,
        )
        try:
            with interruption.listening():
                tuner.fit()
        except KeyboardInterrupt:
            self._in_a_hurry = True
            raise
        self._end_of(interruption, recorder, board)
        self._at_cap(board, recorder)
        return recorder

    def _end_of(self, interruption: Interruption, recorder: Recorder, board: BoardClient) -> None:
        """Raise what ended the search or the confirmation before its time."""
        self._books.refuse_if_taken_over()
        if interruption.requested:
            raise KeyboardInterrupt
        if recorder.fault is not None:
            raise recorder.fault
        if interruption.halted:
            board.why_closed()  # raises if the board is lost

    def _hear_requests(self, recorder: Recorder) -> RequestTaker:
        """Take up those made before, and hear of others."""
        from sweeps.run.requests import RequestTaker

        store, space, say = self._folder.requests, self._spec.space, self._view.say
        broken = self._books.breakdowns
        requests = RequestTaker(store, space, self._study, recorder, say, broken)
        requests.look()
        return requests

    def _make_recorder(
        self, interruption: Interruption, board: BoardClient, slots: Slots
    ) -> Recorder:
        from sweeps.books.recorder import Recorder

        return Recorder(
            self._books.sweep,
            self._folder.store,
            self._study,
            self._books.scribe,
            accept=slots.sent.accept,
            cancel=slots.sent.cancel,
            board_lives=board.lives,
            on_change=self._trial_changed,
            interruption=interruption,
        )

    def _trial_changed(self, record: TrialRecord) -> None:
        self._books.drop_files([record])
        self._books.note_breakdowns()
        self._view.changed(record)
