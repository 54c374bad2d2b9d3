"""The training data of a trial as MLflow's dataset, which its UI shows in a column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from results.records.record import TrialRecord
from results.records.uris import redact

_LONGEST_DIGEST = 36
_LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class Dataset:
    """Name, digest and source of training data."""

    name: str
    digest: str
    source: str


def dataset_of(record: TrialRecord) -> Dataset | None:
    """The data by its fingerprint; None for trials without any."""
    given = record.config.get("data.train")
    fingerprint = record.provenance.data_fingerprint if record.provenance else ""
    if not given or not fingerprint:
        return None
    files: Sequence[object] = given if isinstance(given, list) else [given]
    uris = [redact(str(file)) for file in files]
    more = f" and {len(uris) - 1} more" if len(uris) > 1 else ""
    name = f"{uris[0].rstrip('/').rsplit('/', 1)[-1]}{more}"[:_LONGEST_NAME]
    return Dataset(name, fingerprint[:_LONGEST_DIGEST], json.dumps({"uri": ", ".join(uris)}))
