"""Kept weights as models that MLflow lists: the column Model of its UI, and its page of models.

The weights themselves are artifacts of their run, once; the model says where.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput

WEIGHTS = "winnow.weights"
"""The tag with the address of the weights."""


def log_model(
    client: MlflowClient, run_id: str, name: str, path: str, tags: Mapping[str, str]
) -> None:
    """List a run's weights at `path` as the model `name`; once, however often it is called."""
    experiment = client.get_run(run_id).info.experiment_id
    weights = f"runs:/{run_id}/{path}"
    if client.search_logged_models([experiment], f"source_run_id = '{run_id}'", max_results=1):
        return
    model = client.create_logged_model(
        experiment, name, run_id, tags={**tags, WEIGHTS: weights}, params=_params(client, run_id)
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "README.md").write_text(_readme(weights), encoding="utf-8")
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])


def _params(client: MlflowClient, run_id: str) -> dict[str, str]:
    return dict(client.get_run(run_id).data.params)


def _readme(weights: str) -> str:
    return (
        f"The weights are artifacts of the run: {weights}\n\n"
        f'    mlflow.artifacts.download_artifacts("{weights}")\n\n'
        "`sweep export` makes a folder of them that transformers and PEFT load; `sweep register` "
        "a version in the registry.\n"
    )
