"""From a checked spec to a finished sweep. The only `ray.init`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from results.front import judge
from results.record import SweepRecord, SweepState, TrialRecord
from results.winners import Ranking, failure
from sweeps.errors import LaunchError
from sweeps.home import SweepFolder, SweepHome
from sweeps.provenance import sweep_provenance
from sweeps.quiet import quiet
from sweeps.scribe import Scribe
from sweeps.spec import SweepSpec
from trainables.inputs import Prepared, prepare_inputs

BASE_TRIAL = "base"
"""The board's name for the job that measures the untouched model."""

_QUIET_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    # Our own records take the place of Tune's result files, and our own table that of its output.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # We listen ourselves, to tell trials that Ctrl-C ended from those that a scheduler stopped.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}

ON_HEAD = {"node:__internal_head__": 0.001}
"""What a thin trial client asks for: a place on the head node, and none of the slots' cores."""


class View(Protocol):
    """Who shows a running sweep."""

    def phase(self, text: str) -> None:
        """Something takes a while; say what."""

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Everything is up and measured; trials come."""

    def changed(self, record: TrialRecord) -> None:
        """A trial's record has changed."""

    def trials_end(self) -> None:
        """No more trials."""


@dataclass(frozen=True)
class Finished:
    """What a sweep came to."""

    sweep: SweepRecord
    ranking: Ranking
    folder: SweepFolder
    tracking_failures: tuple[str, ...]


def launch(spec: SweepSpec, home: SweepHome, view: View, address: str | None = None) -> Finished:
    """Run the sweep to its end. A SweepError or a DataError says what is wrong.

    Ctrl-C ends it early; what was measured is kept and its record says `interrupted`.
    """
    folder = home.sweep(spec.name)
    folder.refuse_if_taken()
    _check_options(spec)
    prepared = _prepare(spec, home, view)
    folder.claim()
    folder.spec.write_text(spec.text(), encoding="utf-8")
    driver = _Driver(spec, home, folder, prepared, view)
    with _ending(driver):
        driver.run(address)
    return driver.finished()


def _check_options(spec: SweepSpec) -> None:
    """Options that are passed through are known to fit only when they have been passed."""
    from sweeps.schedulers import make_scheduler
    from sweeps.search import make_sampler

    make_sampler(spec.search)
    make_scheduler(spec.search, spec.trial.budget.evaluations)


def _prepare(spec: SweepSpec, home: SweepHome, view: View) -> Prepared | None:
    if spec.trial.objective == "toy":
        return None
    view.phase("Preparing model and data")
    with quiet():
        prepared = prepare_inputs(spec.trial, home.cache)
    view.phase(prepared.description)
    return prepared


@contextmanager
def _ending(driver: _Driver) -> Iterator[None]:
    """However the run ends, the books are closed."""
    try:
        yield
    except KeyboardInterrupt:
        driver.end(SweepState.INTERRUPTED)
    except BaseException as error:
        driver.end(SweepState.FAILED, str(error))
        raise
    else:
        driver.end(SweepState.COMPLETE)


class _Driver:
    """One sweep under way: Ray, the board, the slots, Tune, and the books."""

    def __init__(
        self,
        spec: SweepSpec,
        home: SweepHome,
        folder: SweepFolder,
        prepared: Prepared | None,
        view: View,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._prepared = prepared
        self._view = view
        uri = spec.tracking.uri or home.tracking_uri
        artifacts = None if spec.tracking.uri else home.artifacts.as_uri()
        self._scribe = Scribe(uri, spec.tracking.experiment, artifacts)
        self._provenance = sweep_provenance(
            spec.search.seed,
            prepared.data_fingerprint if prepared else "",
            prepared.model_fingerprint if prepared else "",
        )
        self._sweep = SweepRecord(
            name=spec.name,
            state=SweepState.RUNNING,
            metric=spec.search.metric,
            mode=spec.search.direction,
            other_metrics=dict(list(spec.search.goals.items())[1:]),
            budget_trials=spec.trials,
            created=time.time(),
            experiment=spec.tracking.experiment,
            tracking_uri=uri,
            seed=spec.search.seed,
            pid=os.getpid(),
            provenance=self._provenance,
        )
        self._recorder: Any = None
        self._searcher: Any = None
        self._slots: Any = None
        self._write_sweep()

    def run(self, address: str | None) -> None:
        """Start everything, and search."""
        self._scribe.start(self._sweep, self._spec.text())
        self._view.phase("Starting Ray")
        self._start_ray(address)
        board = self._start_slots()
        self._note(run_id=self._open_tracking())
        self._measure_base(board)
        self._search(board)

    def end(self, state: SweepState, error: str | None = None) -> None:
        """Close the books of every trial and of the sweep, then let go of Ray.

        A search that came to its end has failed all the same where all slots died under it, or
        where no trial did anything but fail.
        """
        import ray

        self._view.trials_end()
        if self._searcher is not None:
            unfinished = self._recorder.interrupt("the sweep was interrupted")
            self._searcher.abandon()
            if unfinished and state is SweepState.COMPLETE:
                state = SweepState.INTERRUPTED
        if state is SweepState.COMPLETE:
            error = self._slots.lost() or failure(list(self._recorder.records.values()))
            state = SweepState.FAILED if error else state
        self._note(state=state, error=error, ended=time.time())
        self._close_tracking()
        if self._slots is not None and ray.is_initialized():
            self._slots.close(patience=10.0 if state is SweepState.COMPLETE else 1.0)
        if ray.is_initialized():
            ray.shutdown()

    def finished(self) -> Finished:
        """The result, read back from what is on disk."""
        records = self._folder.store.trials()
        ranking = judge(records, self._sweep.goals)
        return Finished(self._sweep, ranking, self._folder, tuple(self._scribe.failures))

    def _start_ray(self, address: str | None) -> None:
        import ray

        os.environ.update(_QUIET_RAY)
        local: Mapping[str, Any] = {"include_dashboard": False, "object_store_memory": 2 * 10**8}
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else local),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise LaunchError(
                f"Ray did not start at {address or 'this machine'}: {error}"
            ) from error

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
        inputs = self._prepared.inputs if self._prepared else None
        self._slots = Slots(board, ON_HEAD)
        self._slots.start(count, gang, inputs, self._folder.ray, deaths)
        self._count = count
        self._slots_text = f"{count} slot{'s' if count > 1 else ''} of {gang}"
        return board

    def _open_tracking(self) -> str:
        try:
            return self._scribe.wait_until_open()
        except (OSError, RuntimeError, ValueError) as error:
            raise LaunchError(f"tracking.uri: {error}") from error

    def _measure_base(self, board: Any) -> None:
        import ray

        from trainables.board import Job, JobKind
        from trainables.evaluation import Evaluation

        self._view.phase("Measuring the untouched base model")
        job = Job(BASE_TRIAL, self._spec.trial, self._folder.base, JobKind.MEASURE_BASE)
        ray.get(board.submit.remote(job))
        event = ray.get(board.next_event.remote(BASE_TRIAL))
        if not isinstance(event, Evaluation):
            raise LaunchError(f"the base model could not be measured: {event.error}")
        self._note(base=dict(event.metrics))

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
            self._sweep,
            store,
            self._scribe,
            self._provenance,
            cancel=lambda number: board.cancel.remote(str(number)),
            on_change=self._trial_changed,
            interruption=interruption,
        )
        study = open_study(self._spec, self._folder.journal)
        self._searcher = OptunaSearcher(
            self._spec, study, store.trial_folder, self._recorder, interruption
        )
        self._view.trials_begin(self._sweep, self._slots_text)
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
            self._drop_weights()
        self._view.changed(record)

    def _drop_weights(self) -> None:
        """Only the winner's weights are kept, or the front's; a running trial's may yet win."""
        import shutil

        records = self._recorder.records.values()
        kept = {w.record.number for w in judge(list(records), self._sweep.goals).chosen}
        for record in records:
            if record.status.ended and record.number not in kept:
                shutil.rmtree(self._weights(record.number), ignore_errors=True)

    def _weights(self, number: int) -> Any:
        return self._folder.store.trial_folder(number) / "best"

    def _close_tracking(self) -> None:
        if self._scribe.parent is None:
            return
        records = list(self._recorder.records.values()) if self._recorder else []
        ranking = judge(records, self._sweep.goals)
        self._scribe.sweep_ended(self._sweep, ranking, self._weights)
        self._scribe.finish()
        if self._recorder is not None:
            self._recorder.note_run_ids()

    def _note(self, **changes: Any) -> None:
        self._sweep = self._sweep.with_changes(**changes)
        self._write_sweep()

    def _write_sweep(self) -> None:
        self._folder.store.write_sweep(self._sweep)
