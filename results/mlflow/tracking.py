"""Sweeps and trials in MLflow: the writer and the reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from results.mlflow.dataset import dataset_of
from results.mlflow.known_runs import KnownRuns, digest
from results.mlflow.metrics import (
    base_rows,
    confirmed_rows,
    measurement_rows,
    news,
    test_rows,
    total_rows,
    winner_rows,
)
from results.mlflow.models import MlflowModels
from results.mlflow.params import parameters_text, trial_params
from results.mlflow.runs import MlflowRuns, Run, reported
from results.mlflow.tags import (
    CONFIRMATION,
    CONFIRMED,
    CREATED,
    DESCRIPTION,
    KIND,
    LONGEST_TAG,
    NUMBER,
    ON_FRONT,
    PARENT,
    SWEEP,
    TOLD,
    TRIAL,
    file_tags,
    key_in,
    kind_of,
    run_name,
    stale,
    sweep_tags,
    too_long,
    trial_tags,
    winner_tags,
)
from results.mlflow.tracked import (
    ERROR_FILE,
    PARAMETERS_FILE,
    TrackedTrial,
    UnknownSweepError,
    read_sweep,
    tracked_trial,
)
from results.mlflow.tracking_error import StoreAwayError, TrackingError
from results.mlflow.view import VIEW, key_of, page_of, view_state
from results.mlflow.winner_files import SAMPLES_FILE, WINNER_FILE
from results.ranking.winners import Ranking
from results.records.record import Measurement, Mode, SweepRecord, TrialKey, TrialRecord
from results.records.samples import SAMPLES, read_samples
from results.records.uris import redact

__all__ = [
    "SPEC_FILE",
    "StoreAwayError",
    "Tracker",
    "TrackingError",
    "UnknownSweepError",
    "find_experiment",
    "read_sweep",
    "redact",
    "share_view",
]

SPEC_FILE = "sweep.yaml"


class Tracker:
    """Writes sweeps to MLflow. Synchronous; for a single thread.

    `uri` is a database ("sqlite:///mlflow.db") or a tracking server. The artifacts of a new
    experiment go to `artifact_location`, a folder or a URI; by default, beside an SQLite database,
    else to the server's choice. Creating an SQLite database takes a second or two.

    Every method raises TrackingError if MLflow fails, StoreAwayError if it may work later. Then it
    may be called again, whether or not the first call took effect: runs are looked up before they
    are created, and MLflow keeps values with the same `stamp` once (see Stamps).
    """

    def __init__(self, uri: str, experiment: str, artifact_location: str | None = None) -> None:
        self._uri = uri
        self._known = KnownRuns()
        self._end_tags: dict[str, str] = {}
        with reported(uri, f"open experiment {experiment}"):
            self._runs = MlflowModels(uri)
            self._experiment_id = self._runs.open_experiment(experiment, artifact_location)

    @contextmanager
    def together(self, ended: TrialRecord | None = None) -> Iterator[None]:
        """Log the block's values at once for each run. If it raises, all is to be written again.

        `ended` is the trial that the block writes from start to end, if it does: a new run gets its
        tags at once, of which TOLD counts only once the run has ended.
        """
        self._end_tags = {**trial_tags(ended), TOLD: digest(ended)} if ended else {}
        try:
            with self._runs.together():
                yield
        finally:
            self._end_tags = {}

    def start_sweep(
        self,
        record: SweepRecord,
        spec_text: str,
        stamp: int,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Open or reopen the parent run, with the spec as artifact; returns its id.

        The tracking address in the spec is stored without its secrets.
        """
        with reported(self._uri, f"start sweep {record.name}"):
            run = self._existing(record.run_id) or self._same_sweep(record)
            run_id = self._open(
                run,
                name=record.name,
                tags={**(tags or {}), **sweep_tags(record)},
                status=record.state.mlflow,
                started=record.created,
            )
            if run is None:
                self._known.are(run_id)
            spec = spec_text.replace(self._uri, redact(self._uri))
            self._runs.log_texts(run_id, {SPEC_FILE: spec})
            self._runs.log(run_id, news(base_rows(record, stamp), run.metrics if run else {}))
            return run_id

    def start_trial(self, record: TrialRecord, parent_run_id: str) -> str:
        """Open the trial's run under its sweep; returns its id.

        The same number and parent give the same run, so a restart continues it.
        """
        with reported(self._uri, f"start {record.called}"):
            run = self._existing(record.run_id) or self._child(parent_run_id, record)
            # MLflow's params never change, so a reopened run keeps showing the old ones.
            params = {**trial_params(record), **(run.params if run else {})}
            texts = _known({PARAMETERS_FILE: parameters_text(record, params)})
            end_tags = self._end_tags if run is None else {}
            run_id = self._open(
                run,
                name=run_name(record),
                tags={**trial_tags(record), **end_tags, PARENT: parent_run_id},
                status=record.status.mlflow,
                started=record.started,
            )
            self._known.opened(run_id, new=run is None)
            self._runs.log_texts(run_id, texts)
            self._runs.log(run_id, params=params, tags=file_tags(texts))
            if dataset := dataset_of(record):
                self._runs.log_dataset(run_id, dataset)
            return run_id

    def log_measurement(self, run_id: str, measurement: Measurement, stamp: int) -> None:
        """Log one evaluation, over optimizer steps."""
        with reported(self._uri, f"log evaluation {measurement.point}"):
            self._runs.log(run_id, measurement_rows(measurement, stamp))
        self._known.measured(run_id, measurement)

    def end_trial(self, record: TrialRecord, goals: Mapping[str, Mode], stamp: int) -> None:
        """Log totals, best value, status, error and provenance of the record's run."""
        assert record.run_id is not None, "a trial that ends has a run"
        with reported(self._uri, f"end {record.called}"):
            texts = _known({ERROR_FILE: too_long(record.error)})
            rows = total_rows(record, goals, stamp)
            self._runs.log_texts(record.run_id, texts)
            tags = {**trial_tags(record), **file_tags(texts), **self._known.told_tag(record)}
            self._runs.log(record.run_id, rows, tags=tags)
            self._runs.end(record.run_id, record.status.mlflow, record.ended)
        self._known.ended(record.run_id)

    def log_test(self, record: TrialRecord, stamp: int) -> None:
        """Log the trial's measurements on the test set, known only after its end."""
        assert record.run_id is not None, "a trial that was tested has a run"
        with reported(self._uri, f"log the test of {record.called}"):
            self._runs.log(record.run_id, test_rows(record, stamp))

    def end_sweep(self, record: SweepRecord, ranking: Ranking, stamp: int) -> None:
        """Log base metrics, state, and the winner or the front."""
        assert record.run_id is not None, "a sweep that ends has a run"
        with reported(self._uri, f"end sweep {record.name}"):
            if run := self._runs.get(record.run_id):
                rows = base_rows(record, stamp) + winner_rows(ranking, stamp)
                self._runs.log(record.run_id, news(rows, run.metrics))
                self._retag(run, {**sweep_tags(record), **winner_tags(ranking)})
            for winner in ranking.winners if ranking.several else ():
                if winner.record.run_id:
                    self.mark_on_front(winner.record.run_id)
            self._runs.end(record.run_id, record.state.mlflow, record.ended)

    def mark_on_front(self, run_id: str) -> None:
        """Mark the trial as on the front of a sweep with several metrics."""
        with reported(self._uri, "mark the front"):
            self._runs.log(run_id, tags={ON_FRONT: "true"})

    def log_winner(self, run_id: str, record: TrialRecord, weights: Path) -> None:
        """Keep a winner's config as `winner.yaml`, its weights in `weights`, and the generated
        answers beside them as a table, if any, in place of those of an earlier winner."""
        with reported(self._uri, f"store the weights of {record.called}"):
            config = yaml.safe_dump(dict(record.config), sort_keys=False)
            self._runs.log_texts(run_id, {WINNER_FILE: config})
            if weights.is_dir():
                self._runs.log_weights(run_id, record, weights)
            if samples := read_samples(weights.parent / SAMPLES):
                self._runs.log_table(run_id, SAMPLES_FILE, [each.row() for each in samples])
            elif SAMPLES_FILE in self._runs.files(run_id):
                self._runs.drop_files(run_id, [SAMPLES_FILE])

    def log_verdict(self, run_id: str, verdict: str, report: Path) -> None:
        """Describe a sweep's run by its verdict, and keep the report, if any, as an artifact."""
        with reported(self._uri, "store the report"):
            self._runs.log(run_id, tags={DESCRIPTION: verdict[:LONGEST_TAG]})
            if report.exists():
                self._runs.log_texts(run_id, {report.name: report.read_text(encoding="utf-8")})

    def log_confirmed(
        self, run_id: str, trial: int, means: Mapping[str, float], stamp: int
    ) -> None:
        """Name a sweep's confirmed winner, with the means of its metrics over fresh seeds."""
        with reported(self._uri, "name the confirmed winner"):
            self._runs.log(run_id, confirmed_rows(means, stamp), tags={CONFIRMED: str(trial)})

    def sweep_run(self, record: SweepRecord) -> Run | None:
        """The parent run, if there is one."""
        with reported(self._uri, f"read sweep {record.name}"):
            return self._existing(record.run_id) or self._same_sweep(record)

    def trial_runs(self, parent_run_id: str) -> dict[TrialKey, Run]:
        """The runs of trials and confirmations under a parent, by key."""
        with reported(self._uri, "read trials"):
            kinds = ({PARENT: parent_run_id, KIND: kind} for kind in (TRIAL, CONFIRMATION))
            found = [run for tags in kinds for run in self._runs.find([self._experiment_id], tags)]
        runs = {key_in(run.tags): run for run in reversed(found)}
        self._known.are(parent_run_id, runs)
        return runs

    def tracked(self, run: Run) -> TrackedTrial:
        """A trial as its run has it, with its whole history: a request for each metric."""
        with reported(self._uri, "read a trial"):
            return tracked_trial(self._runs, run)

    def files(self, run_id: str, path: str | None = None) -> set[str]:
        """The paths of a run's artifacts, those in `path` or those at the top."""
        with reported(self._uri, "list files"):
            return self._runs.files(run_id, path)

    def takes_writes(self, run_id: str) -> bool:
        """Whether the store accepts any write now; rewrites a value of the sweep's run."""
        try:
            with reported(self._uri, "write"):
                self._runs.log(run_id, tags={KIND: "sweep"})
        except StoreAwayError:
            return False
        except TrackingError:
            pass  # it answers
        return True

    def _existing(self, run_id: str | None) -> Run | None:
        """The record's run, unless the record was tracked elsewhere."""
        return self._runs.get(run_id) if run_id else None

    def _same_sweep(self, record: SweepRecord) -> Run | None:
        """The run from an earlier call whose answer was lost."""
        created = sweep_tags(record)[CREATED]
        wanted = {KIND: "sweep", SWEEP: record.name, CREATED: created}
        return next(self._runs.find([self._experiment_id], wanted), None)

    def _child(self, parent_run_id: str, record: TrialRecord) -> Run | None:
        if self._known.lacks(parent_run_id, record.key):
            return None
        wanted = {PARENT: parent_run_id, NUMBER: str(record.number), KIND: kind_of(record)}
        return next(self._runs.find([self._experiment_id], wanted), None)

    def _open(
        self,
        run: Run | None,
        name: str,
        tags: Mapping[str, str],
        status: str,
        started: float | None,
    ) -> str:
        if run is None:
            run = self._runs.create(self._experiment_id, name, tags, started)
        else:
            self._retag(run, tags)
        if run.status != status:
            self._runs.set_status(run.run_id, status)
        return run.run_id

    def _retag(self, run: Run, tags: Mapping[str, str]) -> None:
        """Replace our tags by `tags`: an earlier attempt's error, for one, must go."""
        self._runs.remove_tags(run.run_id, stale(run.tags, tags))
        self._runs.log(run.run_id, tags=tags)


def find_experiment(uri: str, name: str) -> str | None:
    """Ask MLflow for an experiment's id; None if there is none yet.

    TrackingError if MLflow does not answer, or if the experiment was deleted. Creates nothing but
    the tables of a database without any.
    """
    with reported(uri, f"look for experiment {name}"):
        return MlflowRuns(uri).find_experiment(name)


def share_view(uri: str, record: SweepRecord, searched: Sequence[str]) -> str | None:
    """Write the view of a sweep's trials; its page below the server's address, None without a run.

    TrackingError if MLflow does not answer.
    """
    with reported(uri, f"look for sweep {record.name}"):
        runs = MlflowRuns(uri)
        parent = runs.get(record.run_id) if record.run_id else None
        if parent is None:
            return None
        name = f"{VIEW}{key_of(parent.run_id)}"
        runs.tag_experiment(parent.experiment_id, name, view_state(record, searched))
        return page_of(parent.experiment_id, parent.run_id)


def _known(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if text is not None}
