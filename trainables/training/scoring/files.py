"""The files that own metrics name: read once for a sweep, so that all its trials agree."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from trainables.config.own_metrics import CodeMetric
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError, said
from trainables.core.errors import RefusedError
from trainables.training.scoring.code import ScoringFile

PATIENCE = 120.0
"""Seconds for importing a scoring file."""


def checked_files(config: TrialConfig) -> dict[str, str]:
    """The text of each file, by its name in the spec; DataError if one cannot be used."""
    found: dict[str, str] = {}
    for name, metric in config.metrics.items():
        for field, file in metric.files.items():
            found[file] = text_of(f"metrics.{name}.{field}", file)
        if isinstance(metric, CodeMetric):
            try:
                ScoringFile(name, metric, found[metric.file]).check(PATIENCE)
            except RefusedError as error:
                raise DataError(str(error)) from None
    return found


def fingerprints(files: Mapping[str, str]) -> dict[str, str]:
    """A hash of each file."""
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in files.items()}


def text_of(place: str, file: str) -> str:
    """The text of the file that a field names; DataError if it cannot be read, or has none."""
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{place}: {file} cannot be read ({said(error)}); correct it") from error
    if not text.strip():
        raise DataError(f"{place}: {file} has no text; write it")
    return text
