"""The files of a winner among a run's artifacts, and its weights as MLflow lists them."""

from __future__ import annotations

from pathlib import Path

from results.mlflow.tags import NUMBER, SWEEP
from results.records.record import TrialRecord
from results.records.uris import redact

WINNER_FILE = "winner.yaml"
WEIGHTS_PATH = "model"
SAMPLES_FILE = "samples.json"


def weights_files(weights: Path) -> set[str]:
    """The paths of a folder of weights as artifacts; none if it is not there."""
    there = weights.iterdir() if weights.is_dir() else ()
    return {f"{WEIGHTS_PATH}/{file.name}" for file in there}


def model_name(record: TrialRecord) -> str:
    """`alpaca-7`, or `alpaca-7-seed-2` for a repeat."""
    seed = f"-seed-{record.repeat}" if record.confirms is not None else ""
    return f"{record.sweep}-{record.trial}{seed}"


def model_tags(record: TrialRecord) -> dict[str, str]:
    """What the weights came from."""
    method, base = (str(record.config.get(name, "")) for name in ("method", "model"))
    tags = {SWEEP: record.sweep, NUMBER: str(record.trial), "method": method, "base": redact(base)}
    return {name: text for name, text in tags.items() if text}
