"""What is tracked of a sweep or a trial: MLflow's runs as records."""

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
    """A trial's run, all its metrics' values, and the record that they tell."""

    run: Run
    rows: list[Row]
    record: TrialRecord


def over(status: TrialStatus) -> bool:
    """Whether the run has its totals. An interrupted trial's has, though it may go on."""
    return status.mlflow not in ("SCHEDULED", "RUNNING")


def tracked_sweep(run: Run, experiment: str, uri: str) -> SweepRecord:
    """The sweep that a parent run tells."""
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
    """The trial that a child run tells; its history and its artifacts are read."""
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
    """With what is known at the end only. A last attempt may have measured less than an earlier."""
    return record.with_changes(
        **totals_in(rows),
        measurements=record.measurements[: int(run.tags[MEASURED])],
        error=texts.get(ERROR_FILE, record.error),
    )
