"""The runs of an MLflow server or database, in plain values.

With models.py, the only module that imports MLflow's client. It keeps the state of MLflow's other
users in this process: no change of the active run, the tracking address, loggers other than
MLflow's, or the user's settings.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from results.mlflow.batch import Batch
from results.mlflow.database import alone, check_database, make_database
from results.mlflow.dataset import Dataset
from results.mlflow.metrics import Row
from results.mlflow.quiet import QUIET
from results.mlflow.server import check_server
from results.mlflow.settings import SETTINGS, unset
from results.mlflow.tracking_error import StoreAwayError, StoreFullError, TrackingError
from results.records.uris import artifact_uri, redact

os.environ.update(unset())  # MLflow reads some of them on import

from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sqlalchemy.exc import OperationalError, SQLAlchemyError

_PAGE = 1000
_UPLOAD_TIMEOUT = "600"  # seconds for a server to store a file

LOGGED = "mlflow.loggedArtifacts"
"""The tag by which MLflow's UI finds a run's tables."""

_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Makes MLflow show its pages for model training, not those for prompts and traces."""

_FULL = ("disk is full", "No space left")  # SQLite's words, and the system's

_PASSING = {
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "ENDPOINT_NOT_FOUND",  # a gateway's 404: MLflow itself has all our endpoints
    "INTERNAL_ERROR",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "TEMPORARILY_UNAVAILABLE",
}
"""MLflow's codes for errors that may pass. A failed connection is an INTERNAL_ERROR to it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as found; `metrics` are the latest values."""

    run_id: str
    experiment_id: str
    status: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]


class MlflowRuns:
    """Reads and writes runs. Statuses are the names in MLflow's RunStatus, times unix seconds."""

    def __init__(self, uri: str) -> None:
        os.environ.update(unset())  # an earlier sweep has restored the environment
        check_database(uri)
        check_server(uri)
        self._uri = uri
        self._batch: Batch | None = None
        with QUIET, alone(uri):
            make_database(uri)
            self._client = MlflowClient(uri)

    def open_experiment(self, name: str, artifact_location: str | None) -> str:
        """The experiment's id; a new one keeps its artifacts at `artifact_location`."""
        if known := self.find_experiment(name):
            return known
        location = artifact_uri(self._uri, artifact_location)
        return self._client.create_experiment(name, location, tags=_EXPERIMENT_TAGS)

    def find_experiment(self, name: str) -> str | None:
        """The experiment's id, None if there is none; TrackingError if it was deleted."""
        experiment = self._client.get_experiment_by_name(name)
        if experiment is not None and experiment.lifecycle_stage != "active":
            raise TrackingError(f"experiment {name}: deleted in MLflow; restore it or rename yours")
        return experiment.experiment_id if experiment else None

    def experiments(self) -> dict[str, str]:
        """All experiments, id -> name."""
        names: dict[str, str] = {}
        token: str | None = ""
        while token is not None:
            page = self._client.search_experiments(max_results=_PAGE, page_token=token or None)
            names |= {experiment.experiment_id: experiment.name for experiment in page}
            token = page.token
        return names

    def newest_experiment(self) -> str | None:
        """The id of the experiment with the latest run; None if there is no run."""
        newest = next(self.find(self.experiments(), {}, page_size=1), None)
        return newest.experiment_id if newest else None

    def get(self, run_id: str) -> Run | None:
        """The run, or None if there is none."""
        self._flush()
        try:
            return _plain(self._client.get_run(run_id))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def find(
        self, experiment_ids: Iterable[str], tags: Mapping[str, str], page_size: int = _PAGE
    ) -> Iterator[Run]:
        """All runs with these tags, latest first; requested in pages of `page_size`."""
        wanted = " and ".join(f"tags.`{name}` = {quoted(text)}" for name, text in tags.items())
        token: str | None = ""
        while token is not None:
            page = self._client.search_runs(
                list(experiment_ids),
                wanted,
                max_results=page_size,
                order_by=["attributes.start_time DESC"],
                page_token=token or None,
            )
            yield from map(_plain, page)
            token = page.token

    def create(
        self, experiment_id: str, name: str, tags: Mapping[str, str], started: float | None
    ) -> Run:
        """A new run, with the status RUNNING."""
        started_at = _milliseconds(started)
        run = _plain(self._client.create_run(experiment_id, started_at, dict(tags), name))
        if self._batch is not None:
            self._batch.made(run.run_id, tags)
        return run

    @contextmanager
    def together(self) -> Iterator[None]:
        """Log all that the block logs to a run at once: at its end, or before the run is read or
        its status changes. Lost if the block raises."""
        self._batch = Batch()
        try:
            with reported(self._uri, "write"):
                yield
                self._flush()
        finally:
            self._batch = None

    def _flush(self) -> None:
        """Log what was gathered so far."""
        if self._batch is not None:
            for run_id, logged in self._batch.taken().items():
                self._log(run_id, logged.rows, logged.params, logged.tags)

    def log(
        self,
        run_id: str,
        rows: Sequence[Row] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log all at once: every call is a transaction or a request. MLflow splits large ones."""
        if self._batch is None:
            self._log(run_id, rows, params or {}, tags or {})
        else:
            self._batch.add(run_id, rows, params or {}, tags or {})

    def _log(
        self, run_id: str, rows: Sequence[Row], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        self._client.log_batch(
            run_id,
            metrics=[Metric(row.key, row.value, row.stamp, row.step) for row in rows],
            params=[Param(name, text) for name, text in params.items()],
            tags=[RunTag(name, text) for name, text in tags.items()],
            synchronous=True,
        )

    def log_dataset(self, run_id: str, dataset: Dataset) -> None:
        """Note the run's training data; once, however often it is called."""
        entity = MlflowDataset(dataset.name, dataset.digest, "local", dataset.source)
        context = [InputTag("mlflow.data.context", "training")]
        self._client.log_inputs(run_id, [DatasetInput(entity, context)])

    def tag_experiment(self, experiment_id: str, name: str, text: str) -> None:
        """Set a tag of an experiment."""
        self._client.set_experiment_tag(experiment_id, name, text)

    def remove_tags(self, run_id: str, names: Iterable[str]) -> None:
        """Take tags off."""
        self._flush()
        for name in names:
            self._client.delete_tag(run_id, name)

    def set_status(self, run_id: str, status: str) -> None:
        """Change the status of a run that continues."""
        self._flush()
        self._client.update_run(run_id, status)

    def end(self, run_id: str, status: str, ended: float | None) -> None:
        """Change the status of a run that has ended, by default now."""
        self._flush()
        self._client.set_terminated(run_id, status, _milliseconds(ended))

    def history(self, run: Run) -> list[Row]:
        """All values of all metrics."""
        return [
            Row(metric.key, metric.value, metric.step, metric.timestamp)
            for key in run.metrics
            for metric in self._client.get_metric_history(run.run_id, key)
        ]

    def files(self, run_id: str, path: str | None = None) -> set[str]:
        """The paths of a run's artifacts, those in `path` or those at the top."""
        return {file.path for file in self._client.list_artifacts(run_id, path)}

    def log_texts(self, run_id: str, texts: Mapping[str, str]) -> None:
        """Keep texts as artifacts, path -> text."""
        for path, text in texts.items():
            self._client.log_text(run_id, text, path)

    def log_table(self, run_id: str, path: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Keep rows with the same keys as a table, which MLflow's UI compares between runs.

        MLflow's own `log_table` would append them to an earlier table.
        """
        names = list(rows[0])
        table = {"columns": names, "data": [[row[name] for name in names] for row in rows]}
        self._client.log_text(run_id, json.dumps(table, ensure_ascii=False), path)
        self.log(run_id, tags={LOGGED: json.dumps([{"path": path, "type": "table"}])})

    def log_folder(self, run_id: str, folder: Path, path: str | None) -> None:
        """Copy the files in `folder` to the artifacts under `path`."""
        with _unhurried():
            self._client.log_artifacts(run_id, str(folder), path)

    def drop_files(self, run_id: str, paths: Iterable[str]) -> None:
        """Delete artifacts; MlflowException if their store cannot."""
        place = self._client.get_run(run_id).info.artifact_uri
        store = get_artifact_repository(place, self._uri)
        try:
            for path in paths:
                store.delete_artifacts(path)  # type: ignore[no-untyped-call]
        except NotImplementedError as error:  # as Azure's data lake
            raise MlflowException(f"{place}: {error}") from error

    def texts(self, run_id: str, paths: Iterable[str]) -> dict[str, str]:
        """The texts of artifacts, by path."""
        with tempfile.TemporaryDirectory() as folder:
            files = {path: self._client.download_artifacts(run_id, path, folder) for path in paths}
            return {path: Path(file).read_text(encoding="utf-8") for path, file in files.items()}


@contextmanager
def reported(uri: str, doing: str) -> Iterator[None]:
    """MLflow's many failures as TrackingError: "cannot start trial 7 at ...: server is down".

    StoreAwayError if it may work later; StoreFullError if somebody has to make room first.
    """
    try:
        with QUIET:
            yield
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        # Without the statement and its values, which SQLAlchemy repeats.
        cause = getattr(error, "orig", None) or error
        reason = str(cause).partition("\n[SQL")[0].replace(uri, redact(uri))
        kind = _kind(error, reason)
        # Not chained: the original message may contain the address with its password.
        raise kind(f"cannot {doing} at {redact(uri)}: {reason}") from None


def _kind(error: Exception, reason: str) -> type[TrackingError]:
    if not _passes(error):
        return TrackingError
    return StoreFullError if any(sign in reason for sign in _FULL) else StoreAwayError


def _passes(error: Exception) -> bool:
    if isinstance(error, MlflowException):
        return error.error_code in _PASSING
    return isinstance(error, OperationalError | OSError)


@contextmanager
def _unhurried() -> Iterator[None]:
    """Raise the timeout: a server may store gigabytes before it answers."""
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    before = os.environ.get(name, SETTINGS[name])
    os.environ[name] = max(before, _UPLOAD_TIMEOUT, key=float)
    try:
        yield
    finally:
        os.environ[name] = before


def _plain(run: MlflowRun) -> Run:
    info, data = run.info, run.data
    return Run(info.run_id, info.experiment_id, info.status, data.params, data.tags, data.metrics)


def quoted(text: str) -> str:
    """The text as a literal for MLflow's filters, which have two quotes and no escape."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
