"""MLflow's runs as records of sweeps and trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from results.mlflow.metrics import Row, base_in, measurements_in, test_in, totals_in
from results.mlflow.params import parameters_in, parameters_text_in
from results.mlflow.runs import MlflowRuns, Run
from results.mlflow.tags import MEASURED, files_in, searched_in, sweep_fields, trial_fields
from results.records.record import SweepRecord, TrialRecord, TrialStatus

PARAMETERS_FILE = "parameters.json"
ERROR_FILE = "error.txt"


class TrackedTrial(NamedTuple):
    """A trial's run, all its metric values, and the record built from them."""

    run: Run
    rows: list[Row]
    record: TrialRecord


def over(status: TrialStatus) -> bool:
    """Whether the run has its totals; also for interrupted trials, which may continue."""
    return status.mlflow not in ("SCHEDULED", "RUNNING")


def tracked_sweep(run: Run, experiment: str, uri: str) -> SweepRecord:
    """The sweep record in a parent run."""
    return SweepRecord.model_validate(
        {
            **sweep_fields(run.tags),
            "base": base_in(run.metrics),
            "run_id": run.run_id,
            "experiment": experiment,
            "tracking_uri": uri,
        }
    )


def tracked_trial(runs: MlflowRuns, run: Run) -> TrackedTrial:
    """The trial record in a child run, including its history and artifacts."""
    rows = runs.history(run)
    texts = runs.texts(run.run_id, files_in(run.tags))
    parameters = (
        parameters_text_in(texts[PARAMETERS_FILE])
        if PARAMETERS_FILE in texts
        else parameters_in(run.params, searched_in(run.tags))
    )
    record = TrialRecord.model_validate(
        {
            **trial_fields(run.tags),
            **parameters,
            "run_id": run.run_id,
            "measurements": measurements_in(rows),
            "test": test_in(run.metrics),
        }
    )
    record = _ended(record, run, rows, texts) if over(record.status) else record
    return TrackedTrial(run, rows, record)


def _ended(
    record: TrialRecord, run: Run, rows: Sequence[Row], texts: Mapping[str, str]
) -> TrialRecord:
    """The record with its final facts. The last attempt may have fewer measurements."""
    return record.with_changes(
        **totals_in(rows),
        measurements=record.measurements[: int(run.tags[MEASURED])],
        error=texts.get(ERROR_FILE, record.error),
    )
