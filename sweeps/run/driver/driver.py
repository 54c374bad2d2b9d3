"""A running sweep: its fleet, the base model's measurement, its search and its confirmation."""

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
from sweeps.home.home import SweepFolder
from sweeps.run.driver.cap_keeper import CapKeeper
from sweeps.run.driver.laying_aside import lay_aside
from sweeps.run.driver.slot_room import wait_for_slots
from sweeps.search.lanes import lanes_said
from sweeps.spec.spec import SweepSpec
from trainables.core.progress import Progress
from trainables.training.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from results.records.cluster_record import ClusterRecord
    from sweeps.base.interruption import Interruption
    from sweeps.books.recorder import Recorder
    from sweeps.cluster.head_watch import HeadWatch
    from sweeps.run.driver.fleet import Fleet
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
        self,
        spec: SweepSpec,
        folder: SweepFolder,
        inputs: Inputs | None,
        books: Books,
        view: View,
        head: HeadWatch,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._inputs = inputs
        self._books = books
        self._view = view
        self._head = head
        self._progress = Progress(view.at)
        self._recorder: Recorder | None = None
        self._confirming: Recorder | None = None
        self._study: StudyBook  # set once open
        self._caps = CapKeeper(spec, books.sweep, inputs, self.records, self._repeats)
        self._fleet: Fleet | None = None
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
            except ray.exceptions.RayError as error:
                self._head.refuse_if_silent()
                if not isinstance(error, ray.exceptions.RayActorError):
                    raise
                barren = 0 if self._ended() > ended else barren + 1
                if barren == _BARREN_LIVES:
                    raise LaunchError(f"the board was lost {barren} times in a row") from error
                self._view.trials_end()
                self._view.phase("The trial board was lost; restarting from the sweep's records")
                self._stop_looking()
                if self._fleet is not None:
                    self._fleet.slots.close(_GOING_HOME, self._winding_up)
                self.open_study()

    def _run(self) -> None:
        self._books.refuse_if_taken_over()
        fleet = self._start_fleet()
        from sweeps.run.driver.measurements import Measurements

        measurements = Measurements(self._spec, self._folder, self._books, self._view, fleet.board)
        if not self._books.sweep.base:
            measurements.base(self._inputs)
        fewest, check = self._spec.slots.min, self._refuse_to_go_on
        wait_for_slots(fewest, fleet.board, fleet.slots, self._view, check)
        recorder = self._search(fleet)
        if self._has_test_set:
            measurements.test(self.records(), recorder)
        if self._spec.confirm is not None:
            self._confirm(fleet)

    def _refuse_to_go_on(self) -> None:
        self._head.refuse_if_lost()
        self._books.refuse_if_taken_over()

    @property
    def _has_test_set(self) -> bool:
        return self._inputs is not None and self._inputs.test is not None

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
        if self._fleet is not None and not self._head.lost:
            self._fleet.observer.close()

    def _leave_trials(self, state: SweepState) -> None:
        """Leave running trials to a head that took over, or save them if time allows."""
        if self._books.taken_over():
            self._books.scribe.give_up("another head node has taken over the sweep")
        elif state is SweepState.INTERRUPTED and self._fleet is not None and not self._in_a_hurry:
            self._suspend(self._fleet.board)

    def _lay_trials_aside(self) -> None:
        for recorder in self._recorders():
            recorder.interrupt()
            if recorder.fault is not None:  # such as from the last events
                raise recorder.fault

    def _recorders(self) -> list[Recorder]:
        return [each for each in (self._recorder, self._confirming) if each is not None]

    def _close_books(self, state: SweepState, error: str | None) -> None:
        if state is SweepState.COMPLETE:
            lost = self._fleet.slots.lost() if self._fleet is not None else None
            error = lost or failure(self.records())
            state = SweepState.FAILED if error else state
        if self._books.scribe.busy:
            self._view.phase("Writing remaining entries to MLflow; press Ctrl-C to skip")
        self._books.close(state, self.records(), error, self._progress)

    def _close_slots(self, state: SweepState) -> None:
        self._view.phase(None)
        if self._fleet is not None and not self._head.lost:
            # Everything is saved.
            with suppress(KeyboardInterrupt), self._progress.phase("stopping the slots"):
                patience = 10.0 if state is SweepState.COMPLETE else 1.0
                self._fleet.slots.close(patience, self._winding_up)
                # Including files left late by slots.
                self._books.drop_files(self.records(), settled=True)

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

    def _start_fleet(self) -> Fleet:
        from sweeps.run.driver.fleet import Fleet
        from sweeps.storage.storage import make_slot_storage

        spec, folder, inputs = self._spec, self._folder, self._inputs
        self._fleet = fleet = Fleet.of(spec, folder.store, self._books.breakdowns, self._seen)
        self._caps.begin(fleet.room.count, fleet.size)
        with self._progress.phase("uploading model and data to the storage"):
            storage = make_slot_storage(spec, folder, inputs)
        fleet.start(spec, inputs, folder, storage)
        if lanes := lanes_said(spec):
            self._view.say(f"Lanes: {lanes}")
        return fleet

    def _seen(self, cluster: ClusterRecord) -> None:
        self._caps.seen(cluster)
        self._view.slots(cluster)

    def _confirm(self, fleet: Fleet) -> None:
        """Train the best trials again with fresh seeds; the recorder says which they are."""
        from sweeps.base.interruption import Interruption
        from sweeps.run.driver.confirming import Confirming

        board, interruption = fleet.board, Interruption(self._is_to_end(repeats=True))
        confirming = Confirming(
            self._spec, self._folder, self._books, self._view, board, str(fleet)
        )
        self._confirming = confirming.recorder(interruption, board.lives)
        with interruption.listening():
            admits, on_last = self._caps.admits_repeat, fleet.slots.sent.drain
            at_once, tests = partial(fleet.room.at_once, board), self._has_test_set
            confirming.run(self.records(), at_once, interruption, tests, admits, on_last)
        self._end_of(interruption, self._confirming, board)
        self._at_cap(board, self._confirming)

    def _is_to_end(self, repeats: bool) -> Callable[[], bool]:
        """Whether trials under way end now; without a head none of them could be followed."""
        return lambda: self._head.lost or self._books.taken_over() or self._caps.is_over(repeats)

    def _search(self, fleet: Fleet) -> Recorder:
        """Train what the study suggests, unless a resume is only for what comes after that."""
        from sweeps.base.interruption import Interruption
        from sweeps.base.process_state import garbage_looked_for_less
        from sweeps.run.driver.searching import Searching

        interruption = Interruption(self._is_to_end(repeats=False))
        searching = Searching(self._spec, self._folder, self._books, self._view, self._study, fleet)
        self._recorder = recorder = searching.recorder(interruption)
        tuner = searching.tuner(recorder, interruption, self._caps.admits, self._inputs)
        if tuner is None:
            return recorder
        try:
            with interruption.listening(), garbage_looked_for_less():
                tuner.fit()
        except KeyboardInterrupt:
            self._in_a_hurry = True
            raise
        self._end_of(interruption, recorder, fleet.board)
        self._at_cap(fleet.board, recorder)
        return recorder

    def _end_of(self, interruption: Interruption, recorder: Recorder, board: BoardClient) -> None:
        """Raise what ended the search or the confirmation before its time."""
        self._refuse_to_go_on()
        if interruption.requested:
            raise KeyboardInterrupt
        if recorder.fault is not None:
            raise recorder.fault
        if interruption.halted:
            board.why_closed()  # raises if the board is lost
