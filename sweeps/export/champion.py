"""A sweep's winner registered at its end, if it is better than the registered model."""

from __future__ import annotations

import math

from results.mlflow.models import Version
from results.mlflow.registration import Target, champion
from results.mlflow.tracking_error import TrackingError
from results.ranking.certainty import Difference
from results.records.record import Mode, SweepState, TrialRecord
from results.records.record_error import RecordError
from sweeps.base.errors import SweepError
from sweeps.export.register import register, tracking_uri
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.models.choice import Chosen, chosen
from sweeps.spec.settings import RegisterSettings
from sweeps.spec.yaml_file import read_yaml
from sweeps.verdict.confirmed import folder_of
from sweeps.verdict.paired import between
from trainables.core.data_error import DataError
from trainables.core.errors import ModelError, RefusedError
from trainables.core.progress import NO_PROGRESS, Progress


def offer(folder: SweepFolder, home: SweepHome, progress: Progress = NO_PROGRESS) -> str:
    """Register the winner if the spec says so and it is better; what was done, in a sentence.

    Empty for other sweeps and without a winner. A failure is told, not raised: the sweep is over.
    """
    given = read_yaml(folder.spec).get("register")
    sweep = folder.sweep_record()
    if given is None or sweep.state is not SweepState.COMPLETE:
        return ""
    settings = RegisterSettings.model_validate(given)
    target = Target(settings.name, settings.alias)
    later = f"`sweep register {sweep.name} --as {target.name}@{target.alias}{home.way()}`"
    try:
        trial = chosen(folder)
        current = champion(tracking_uri(folder, home), target)
        if current is not None and (why := _reason(target, current, trial, folder, later)):
            return why
        better = "" if current is None else _lead(current, trial, folder, home)
        as_, number = f"{target.name}@{target.alias}", trial.record.trial
        made = register(
            sweep.name, home, as_, None, settings.merge, settings.dtype, progress=progress
        )
    except (
        SweepError,
        TrackingError,
        DataError,
        ModelError,
        RefusedError,
        RecordError,
        OSError,
    ) as error:
        return f"The winner was not registered: {error}. {later} does it later."
    return f"Trial {number} is registered as {as_}, version {made.version}{better}."


def _reason(
    target: Target, current: Version, trial: Chosen, folder: SweepFolder, later: str
) -> str:
    """Why the winner does not replace the registered version; empty if it does.

    `later` is the command that replaces it all the same.
    """
    names, sweep = f"{target.name}@{target.alias}, version {current.number},", trial.sweep
    number = trial.record.trial
    made = _source(current, folder)
    if made is not None and made.trial == number:
        return f"Trial {number} is {target.name}@{target.alias} already: version {current.number}."
    here, there = _fingerprint(trial.record), current.tags.get("winnow.data_fingerprint", "")
    if here != there:
        return (
            f"Not registered: {names} was measured on other data (fingerprint "
            f"{there or 'unknown'}, here {here or 'unknown'}); {later} replaces it all the same."
        )
    ahead = _ahead(current, trial)
    if math.isnan(ahead):
        return (
            f"Not registered: {names} has no {sweep.metric} to compare with; {later} replaces it "
            "all the same."
        )
    if ahead <= 0:
        return (
            f"Not registered: {names} has {sweep.metric} {_value(current, sweep.metric):.4f} on "
            f"the same data, trial {number} {trial.measured.metrics[sweep.metric]:.4f}."
        )
    return ""


def _ahead(current: Version, trial: Chosen) -> float:
    """The winner's lead in units of the metric; NaN if it is unknown."""
    metric, mode = trial.sweep.metric, trial.sweep.mode
    return _signed(_value(current, metric) - trial.measured.metrics[metric], mode)


def _signed(difference: float, mode: Mode) -> float:
    return difference if mode == "min" else -difference


def _value(version: Version, metric: str) -> float:
    try:
        return float(version.tags.get(f"winnow.{metric}", "nan"))
    except ValueError:
        return math.nan


def _fingerprint(record: TrialRecord) -> str:
    known = record.provenance
    return known.data_fingerprint if known else ""


def _lead(current: Version, trial: Chosen, folder: SweepFolder, home: SweepHome) -> str:
    metric = trial.sweep.metric
    head = f": {metric} {trial.measured.metrics[metric]:.4f}, {_ahead(current, trial):.4f}"
    measured = _measured(current, trial, folder, home)
    if measured is None:
        return f"{head} better than version {current.number}; how sure that is was not measured"
    return (
        f"{head} ± {measured.standard_error:.4f} better than version {current.number} "
        f"({abs(measured.z):.1f} standard errors, paired over {measured.count:,} examples)"
    )


def _measured(
    current: Version, trial: Chosen, folder: SweepFolder, home: SweepHome
) -> Difference | None:
    """The paired difference to the registered trial; None if its sweep is not in this home."""
    try:
        other = home.existing(current.tags.get("winnow.sweep", ""))
        theirs = _source(current, other)
    except (SweepError, RecordError):
        return None
    if theirs is None or _fingerprint(theirs) != _fingerprint(trial.record):
        return None
    return between(trial.sweep.metric, folder_of(folder, trial.record), folder_of(other, theirs))


def _source(version: Version, folder: SweepFolder) -> TrialRecord | None:
    """The trial or the repeat of a sweep that a version is of, by its run: a name and a number may
    be those of a later sweep."""
    records = [*folder.trials(), *folder.repeats()] if version.run_id else []
    return next((each for each in records if each.run_id == version.run_id), None)
