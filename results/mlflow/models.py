"""Models that MLflow lists: kept weights, and versions in its registry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException

from results.mlflow.runs import MlflowRuns, quoted, reported
from results.mlflow.tags import KIND
from results.mlflow.winner_files import WEIGHTS_PATH, model_name, model_tags, weights_files
from results.records.record import TrialRecord
from results.records.uris import sqlite_file

_PAGE = 1000
_MODELS_PAGE = 50

WEIGHTS = "winnow.weights"
"""The tag with the address of a logged model's weights."""


class Version(NamedTuple):
    """A version of a registered model, and the run that made it; empty if there is none."""

    number: str
    tags: Mapping[str, str]
    run_id: str


class MlflowModels(MlflowRuns):
    """Runs, and the models that came of them."""

    def places(self) -> Iterator[str]:
        """The addresses of all registered versions and logged models."""
        token: str | None = ""
        while token is not None:
            versions = self._client.search_model_versions(
                max_results=_PAGE, page_token=token or None
            )
            yield from (version.source for version in versions if version.source)
            token = versions.token or None
        token = ""
        while token is not None:
            models = self._client.search_logged_models(
                list(self.experiments()), max_results=_MODELS_PAGE, page_token=token or None
            )
            yield from (model.artifact_location for model in models)
            token = models.token or None

    def log_weights(self, run_id: str, record: TrialRecord, weights: Path) -> None:
        """Keep the weights of a trial or a repeat as artifacts of a run, in place of others, and
        list them as a model."""
        self.log_folder(run_id, weights, WEIGHTS_PATH)
        run = self.get(run_id)
        of_sweep = run is not None and run.tags.get(KIND) == "sweep"  # whose winner may change
        name = record.sweep if of_sweep else model_name(record)
        self.log_model(run_id, name, WEIGHTS_PATH, model_tags(record))
        # An adapter's files beside a whole model would be loaded on top of it.
        self.drop_files(run_id, self.files(run_id, WEIGHTS_PATH) - weights_files(weights))

    def log_model(self, run_id: str, name: str, path: str, tags: Mapping[str, str]) -> None:
        """List a run's weights at `path` as a model; once, however often it is called. Other
        weights there change its tags.

        The weights stay artifacts of their run; the model says where. MLflow's UI shows it in the
        column Model.
        """
        run = self._client.get_run(run_id)
        experiment, weights = run.info.experiment_id, f"runs:/{run_id}/{path}"
        tags = {**tags, WEIGHTS: weights}
        plain = name.replace(".", "-")  # MLflow refuses dots
        made = f"source_run_id = {quoted(run_id)}"
        for known in self._client.search_logged_models([experiment], made, max_results=1):
            self._client.set_logged_model_tags(known.model_id, tags)
            return
        model = self._client.create_logged_model(
            experiment, plain, run_id, tags=tags, params=dict(run.data.params)
        )
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "README.md").write_text(_readme(weights), encoding="utf-8")
            self._client.log_model_artifacts(model.model_id, folder)
        self._client.finalize_logged_model(model.model_id, "READY")
        self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])

    def register(
        self, run_id: str, path: str, name: str, alias: str | None, tags: Mapping[str, str]
    ) -> str:
        """Make a run's model at `path` a new version of a registered model; returns the version."""
        if name not in {
            model.name for model in self._client.search_registered_models(f"name={quoted(name)}")
        }:
            self._client.create_registered_model(name)
        root = self._client.get_run(run_id).info.artifact_uri
        version = self._client.create_model_version(
            name, f"{root}/{path}", run_id, tags=dict(tags)
        ).version
        if alias is not None:
            self._client.set_registered_model_alias(name, alias, version)
        return str(version)

    def with_alias(self, name: str, alias: str) -> Version | None:
        """The version that the alias names; None without such a model or alias."""
        try:
            found = self._client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            # An unknown alias is an invalid parameter to MLflow.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return Version(str(found.version), dict(found.tags), found.run_id or "")


def folders_in_use(uri: str) -> list[Path]:
    """Local folders that are the source of a registered version or of a logged model.

    TrackingError if MLflow does not answer.
    """
    database = sqlite_file(uri)
    if database is not None and not database.exists():
        return []
    with reported(uri, "list models"):
        return [path for each in MlflowModels(uri).places() for path in _local(each)]


def _local(place: str) -> Iterator[Path]:
    """The path of a local address; nothing for another one."""
    parts = urlsplit(place)
    if parts.scheme in ("", "file") and parts.path:
        yield Path(unquote(parts.path)).resolve()


def _readme(weights: str) -> str:
    return (
        f"The weights are artifacts of the run: {weights}\n\n"
        f'    mlflow.artifacts.download_artifacts("{weights}")\n\n'
        "`sweep export` makes a folder of them that transformers and PEFT load; `sweep register` "
        "a version in the registry.\n"
    )
