"""One sweep under way: the board, the slots, the base model's measurement, and Tune's search."""

from __future__ import annotations

from typing import Any

from results.front import judge
from results.record import SweepState, TrialRecord
from results.winners import failure
from sweeps.books import Books
from sweeps.cluster import ON_HEAD
from sweeps.errors import LaunchError
from sweeps.home import SweepFolder
from sweeps.spec import SweepSpec
from sweeps.view import View
from trainables.board import Job, JobKind
from trainables.evaluation import Evaluation
from trainables.inputs import Inputs

BASE_TRIAL = "base"
"""The board's name for the job that measures the untouched model."""


class Driver:
    """Runs one sweep in a process that is connected to Ray."""

    def __init__(
        self,
        spec: SweepSpec,
        folder: SweepFolder,
        inputs: Inputs | None,
        books: Books,
        view: View,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._inputs = inputs
        self._books = books
        self._view = view
        self._recorder: Any = None
        self._searcher: Any = None
        self._slots: Any = None

    def run(self) -> None:
        """Start everything, and search."""
        board = self._start_slots()
        self._books.wait_until_open()
        self._measure_base(board)
        self._search(board)
        self._test(board)

    def end(self, state: SweepState, error: str | None = None) -> None:
        """Close the books of every trial and of the sweep, then send the slots home.

        A search that came to its end has failed all the same where all slots died under it, or
        where no trial did anything but fail.
        """
        self._view.trials_end()
        if self._searcher is not None:
            unfinished = self._recorder.interrupt("the sweep was interrupted")
            self._searcher.abandon()
            if unfinished and state is SweepState.COMPLETE:
                state = SweepState.INTERRUPTED
        if state is SweepState.COMPLETE:
            error = self._slots.lost() or failure(self.records())
            state = SweepState.FAILED if error else state
        if self._books.scribe.busy:
            self._view.phase("Writing the rest to MLflow")
        self._books.close(state, self.records(), error)
        if self._recorder is not None:
            self._recorder.note_run_ids()
        if self._slots is not None:
            self._slots.close(patience=10.0 if state is SweepState.COMPLETE else 1.0)

    def records(self) -> list[TrialRecord]:
        """All trials' records so far."""
        return list(self._recorder.records.values()) if self._recorder is not None else []

    def _start_slots(self) -> Any:
        import ray

        from sweeps.capacity import plan_slots
        from sweeps.slots import Slots
        from trainables.board import Board

        settings = self._spec.slots
        count, gang = plan_slots(settings, ray.cluster_resources(), self._spec.trials)
        board = (
            ray.remote(Board)
            .options(num_cpus=0, max_concurrency=1000, resources=ON_HEAD)
            .remote(self._spec.search.goals, settings.retries)
        )
        deaths = self._spec.trials * (settings.retries + 1)
        self._slots = Slots(board, ON_HEAD)
        self._slots.start(count, gang, self._inputs, self._folder.ray, deaths)
        self._count = count
        self._slots_text = f"{count} slot{'s' if count > 1 else ''} of {gang}"
        return board

    def _measure_base(self, board: Any) -> None:
        import ray

        self._view.phase("Measuring the untouched base model")
        job = Job(BASE_TRIAL, self._spec.trial, self._folder.base, JobKind.MEASURE_BASE)
        ray.get(board.submit.remote(job))
        event = ray.get(board.next_event.remote(BASE_TRIAL))
        if not isinstance(event, Evaluation):
            raise LaunchError(f"the base model could not be measured: {event.error}")
        self._books.note(base=dict(event.metrics))

    def _test(self, board: Any) -> None:
        """Measure the base and whoever won on the test set, by which nothing was chosen."""
        chosen = judge(self.records(), self._books.sweep.goals).chosen
        if self._inputs is None or self._inputs.test is None or not chosen:
            return
        self._view.phase("Measuring the winner on the test set")
        trial = self._spec.trial
        base = self._tested(board, Job("test-base", trial, self._folder.base, JobKind.TEST_BASE))
        self._books.note(base={**self._books.sweep.base, **base})
        for winner in chosen:
            number = winner.record.number
            folder = self._folder.store.trial_folder(number)
            config = trial.with_params(winner.record.params)
            job = Job(f"test-{number}", config, folder, JobKind.TEST)
            self._recorder.tested(number, self._tested(board, job))

    def _tested(self, board: Any, job: Job) -> dict[str, float]:
        """Empty where it could not be measured, which is said and undoes no result."""
        import ray

        ray.get(board.submit.remote(job))
        event = ray.get(board.next_event.remote(job.trial_id))
        if isinstance(event, Evaluation):
            return dict(event.metrics)
        self._view.phase(f"The test set could not be measured: {event.error}")
        return {}

    def _search(self, board: Any) -> None:
        from ray import tune

        from sweeps.interruption import Interruption
        from sweeps.recorder import Recorder
        from sweeps.schedulers import make_scheduler
        from sweeps.search import OptunaSearcher, open_study
        from trainables.trial import SlotTrial

        store = self._folder.store
        interruption = Interruption()
        self._recorder = Recorder(
            self._books.sweep,
            store,
            self._books.scribe,
            accept=lambda number: board.accept.remote(str(number)),
            cancel=lambda number: board.cancel.remote(str(number)),
            on_change=self._trial_changed,
            interruption=interruption,
        )
        study = open_study(self._spec, self._folder.journal)
        self._searcher = OptunaSearcher(
            self._spec, study, store.trial_folder, self._recorder, interruption
        )
        self._view.trials_begin(self._books.sweep, self._slots_text)
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(SlotTrial, board=board), tune.PlacementGroupFactory([ON_HEAD])
            ),
            tune_config=tune.TuneConfig(
                search_alg=self._searcher,
                scheduler=make_scheduler(self._spec.search, self._spec.trial.budget.evaluations),
                num_samples=-1,
                max_concurrent_trials=self._count,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(self._folder.ray),
                verbose=0,
                callbacks=[self._recorder],
                stop=interruption,
            ),
        )
        with interruption.listening():
            tuner.fit()
        if interruption.requested:
            raise KeyboardInterrupt

    def _trial_changed(self, record: TrialRecord) -> None:
        if record.status.ended:
            self._books.drop_weights(self.records())
        self._view.changed(record)
