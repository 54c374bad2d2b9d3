"""Checks without Ray, before model and data are prepared."""

from __future__ import annotations

import os
from pathlib import Path

from results.mlflow.server import check_server
from results.mlflow.tracking_error import TrackingError
from results.records.record import SweepRecord
from results.records.uris import sqlite_file
from sweeps.base.errors import LaunchError
from sweeps.base.view import View
from sweeps.books.mlflow_writer import at_the_start
from sweeps.caps.without_gpus import refuse_without_gpus
from sweeps.cluster.ray_session import check_reachable, room_here
from sweeps.home.home import SweepHome
from sweeps.home.locks import WAY_OUT, lack_of_locks
from sweeps.planning.cards import named_by
from sweeps.search.options import check_options
from sweeps.spec.capacity import plan_slots
from sweeps.spec.spec import SweepSpec
from sweeps.spec.tracking_place import TrackingPlace, ignored, tracking_place


def refuse_if_misfit(spec: SweepSpec, address: str | None) -> None:
    """SweepError if sampler options, this machine or the cluster's address do not suit the spec.
    Quick: local checks only."""
    check_options(spec)
    named_by(spec)
    check_reachable(address)
    here = room_here(address)
    if here is not None:
        _, size = plan_slots(spec.slots, [here], spec.trials, grows=False)
        refuse_without_gpus(spec, size)


def refuse_if_away(
    spec: SweepSpec, home: SweepHome, view: View, earlier: SweepRecord | None = None
) -> None:
    """LaunchError if MLflow, or Optuna's database if the spec names one, does not answer or cannot
    hold this sweep. `earlier`: the record of a resumed sweep, None for a new one.

    Says where the sweep logs. Creates nothing but Optuna's tables in an empty database.
    """
    place = tracking_place(spec.tracking, home, earlier)
    view.say(str(place))
    for note in ignored(spec.tracking):
        view.say(f"Note: {note}")
    _ask_mlflow(place)
    if why := lack_of_locks(home.path, database=place.source is None):
        raise LaunchError(f"{why}; {WAY_OUT}")
    if spec.search.storage is not None:
        from sweeps.search.study_checks import refuse_if_anothers
        from sweeps.search.study_storage import open_database

        began = earlier.created if earlier else None
        refuse_if_anothers(open_database(spec.search.storage), spec, began)


def _ask_mlflow(place: TrackingPlace) -> None:
    database = sqlite_file(place.uri)
    if database is not None and not database.exists():
        _refuse_if_unmakeable(database, place)
        return
    try:
        check_server(place.uri)  # before MLflow's seconds of imports
        from results.mlflow.tracking import find_experiment

        at_the_start(lambda: find_experiment(place.uri, place.experiment))
    except (TrackingError, OSError, ValueError) as error:
        raise LaunchError(f"{place.blamed}: {error}") from error


def _refuse_if_unmakeable(database: Path, place: TrackingPlace) -> None:
    """LaunchError if the database, made later with its parent folders, cannot be made."""
    folder = next(each for each in database.absolute().parents if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        home = "set --home or SWEEP_HOME to a folder you can write to"
        raise LaunchError(
            f"{place.blamed}: {database} cannot be created because {folder} is not a writable "
            f"folder; {'choose another location' if place.source else home}"
        )
