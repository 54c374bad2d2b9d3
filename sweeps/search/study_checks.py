"""Refusals of a study that does not belong to the sweep, or that has lost trials."""

from __future__ import annotations

from collections.abc import Collection

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from results.records.record import TrialRecord
from sweeps.base.errors import LaunchError
from sweeps.search.told import is_told
from sweeps.spec.spec import SweepSpec

BEGAN = "sweep_began"
"""User attribute of a study: when its sweep was launched, in Unix seconds."""


def refuse_if_anothers(storage: BaseStorage, spec: SweepSpec, began: float | None) -> None:
    """LaunchError if the study of that name belongs to another sweep than the one that `began` at
    that time (None: a new one). Sweeps of other homes may share the database and use equal names.

    Deletes the study of a sweep without trials.
    """
    if spec.name not in optuna.get_all_study_names(storage):
        return
    study = optuna.load_study(study_name=spec.name, storage=storage)
    if study.user_attrs.get(BEGAN, began) == began:
        return
    if all(is_told(trial) or not has_begun(trial) for trial in study.get_trials(deepcopy=False)):
        optuna.delete_study(study_name=spec.name, storage=storage)
        return
    raise LaunchError(
        f"search.storage: the database has a study {spec.name!r} of another sweep, which may be "
        "running; choose another name with --name"
    )


def has_begun(trial: FrozenTrial) -> bool:
    """Whether it has been drawn."""
    return trial.state is not TrialState.WAITING


def refuse_if_lost(begun: Collection[int], records: Collection[TrialRecord]) -> None:
    """LaunchError if a trial on record is not among those that have `begun` in the study."""
    lost = [record.number for record in records if record.number not in begun]
    if lost:
        raise LaunchError(
            f"Optuna's study lacks recorded trial {min(lost)}: optuna.journal, or the database at "
            "search.storage, was truncated or emptied; restore it from a backup, or launch the "
            "sweep under another name with --name"
        )
