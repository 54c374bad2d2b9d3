"""The models that MLflow knows: what its registry and its logged models point to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from results.mlflow.models import MlflowModels
from results.mlflow.runs import reported
from results.records.uris import sqlite_file


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
