"""MLflow's runs as records of sweeps and trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from results.mlflow.metrics import Row, base_in, measurements_in, test_in, totals_in
from results.mlflow.params import parameters_in, parameters_text_in
from results.mlflow.runs import MlflowRuns, Run, reported
from results.mlflow.tags import (
    KIND,
    MEASURED,
    PARENT,
    SWEEP,
    TRIAL,
    files_in,
    searched_in,
    sweep_fields,
    trial_fields,
)
from results.records.record import SweepRecord, TrialRecord, TrialStatus
from results.records.uris import redact, sqlite_file

PARAMETERS_FILE = "parameters.json"
ERROR_FILE = "error.txt"


class UnknownSweepError(ValueError):
    """MLflow has no sweep of that name."""


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


def read_sweep(uri: str, sweep_name: str) -> tuple[SweepRecord, list[TrialRecord]]:
    """The latest sweep of that name with its trials by number, as written.

    A trial's totals are known once it has ended. UnknownSweepError if there is no such sweep.
    """
    database = sqlite_file(uri)
    if database and not database.exists():
        raise UnknownSweepError(f"sweep {sweep_name}: tracking database {database} does not exist")
    with reported(uri, f"read sweep {sweep_name}"):
        runs = MlflowRuns(uri)
        experiments = runs.experiments()
        parent = next(runs.find(list(experiments), {KIND: "sweep", SWEEP: sweep_name}), None)
        if parent is None:
            raise UnknownSweepError(f"sweep {sweep_name}: not tracked at {redact(uri)}")
        children = runs.find([parent.experiment_id], {PARENT: parent.run_id, KIND: TRIAL})
        trials = [tracked_trial(runs, run).record for run in children]
        sweep = tracked_sweep(parent, experiments[parent.experiment_id], uri)
        return sweep, sorted(trials, key=lambda trial: trial.number)


def _ended(
    record: TrialRecord, run: Run, rows: Sequence[Row], texts: Mapping[str, str]
) -> TrialRecord:
    """The record with its final facts. The last attempt may have fewer measurements."""
    return record.with_changes(
        **totals_in(rows),
        measurements=record.measurements[: int(run.tags[MEASURED])],
        error=texts.get(ERROR_FILE, record.error),
    )
