"""Where a sweep logs: the file over MLflow's variables over the home; the launch over the now."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import problems_of, toy_tree

from results.mlflow.tracking import read_sweep
from sweeps.base.errors import LaunchError
from sweeps.books.books import Books, new_record
from sweeps.home.home import SweepHome
from sweeps.spec.settings import TrackingSettings
from sweeps.spec.spec import SweepSpec
from sweeps.spec.tracking_place import ignored, left_behind, tracking_place

HOME = SweepHome(Path("/home/of/sweeps"))
SERVER = "http://mlflow.example:5000"
TEAM = {"MLFLOW_TRACKING_URI": SERVER, "MLFLOW_EXPERIMENT_NAME": "team-search"}
WITH_PASSWORD = {"MLFLOW_TRACKING_URI": "https://me:hunter2@mlflow.example"}


def place(environment=None, earlier=None, **settings):
    return tracking_place(TrackingSettings(**settings), HOME, earlier, environment or {})


def launched(environment, **settings):
    """The record of a sweep that was launched so."""
    found = place(environment, **settings)
    record = new_record(SweepSpec.parse(toy_tree()), None)
    return record.with_changes(
        tracking_uri=found.uri, tracking_source=found.source, experiment=found.experiment
    )


@pytest.mark.parametrize(
    ("environment", "settings", "store", "experiment", "why"),
    [
        ({}, {}, HOME.tracking_uri, "winnow", "(the sweep home's own database)"),
        (TEAM, {}, SERVER, "team-search", "(from MLFLOW_TRACKING_URI and from MLFLOW_EXP"),
        (TEAM, {"uri": "http://other"}, "http://other", "team-search", "(from tracking.uri and"),
        (TEAM, {"experiment": "mine"}, SERVER, "mine", "and from tracking.experiment)"),
        ({"MLFLOW_TRACKING_URI": " "}, {}, HOME.tracking_uri, "winnow", "own database)"),
    ],
)
def test_the_file_counts_more_than_the_environment(environment, settings, store, experiment, why):
    found = place(environment, **settings)
    assert (found.uri, found.experiment) == (store, experiment)
    said = str(found)
    assert store.removeprefix("sqlite:///") in said and why in said


def test_a_password_in_the_environment_is_used_and_not_shown():
    found = place(WITH_PASSWORD)
    assert found.uri == WITH_PASSWORD["MLFLOW_TRACKING_URI"]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("now", [{}, {"MLFLOW_TRACKING_URI": "http://other"}])
def test_a_sweep_stays_where_it_was_launched(now):
    for environment in (TEAM, {}):
        earlier = launched(environment)
        resumed = place(now, earlier)
        assert (resumed.uri, resumed.experiment) == (earlier.tracking_uri, earlier.experiment)


def test_a_home_that_was_moved_keeps_its_database():
    earlier = launched({})
    moved = SweepHome(Path("/elsewhere"))
    assert tracking_place(TrackingSettings(), moved, earlier, TEAM).uri == moved.tracking_uri


def test_a_password_that_the_record_does_not_have_is_asked_for():
    earlier = launched(WITH_PASSWORD)
    assert "hunter2" not in earlier.model_dump_json()
    assert place(WITH_PASSWORD, earlier).uri == WITH_PASSWORD["MLFLOW_TRACKING_URI"]
    with pytest.raises(LaunchError, match=r"^MLFLOW_TRACKING_URI: .*set the variable as at the"):
        place({}, earlier)


@pytest.mark.parametrize("folder", ["file:/x/mlruns", "file:./mlruns", "mlruns", "./mlruns", "/x"])
def test_a_folder_is_refused_with_what_mlflow_takes(folder, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    (problem,) = problems_of(toy_tree(tracking={"uri": folder}))
    assert "is a folder" in problem and "write sqlite:////PATH/mlflow.db" in problem
    with pytest.raises(LaunchError, match=r"^MLFLOW_TRACKING_URI: .* is a folder"):
        place({"MLFLOW_TRACKING_URI": folder})


def test_no_advice_names_a_folder():
    (problem,) = problems_of(toy_tree(tracking={"uri": "foo"}))
    assert "file:" not in problem


def test_mlflow_itself_refuses_what_is_refused_here(tmp_path, monkeypatch):
    """If this changes, folders may be taken again."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(MlflowException, match="maintenance mode"):
        MlflowClient(f"file:{tmp_path}/mlruns").search_experiments()


def test_variables_without_effect_are_named():
    settings = TrackingSettings()
    (note,) = ignored(settings, {"MLFLOW_EXPERIMENT_ID": "7"})
    assert "set MLFLOW_EXPERIMENT_NAME or tracking.experiment" in note
    assert not ignored(settings, {"MLFLOW_EXPERIMENT_ID": "7", **TEAM})
    assert len(left_behind(settings, TEAM)) == 2
    (note,) = left_behind(TrackingSettings(uri=SERVER), TEAM)
    assert note.startswith("MLFLOW_EXPERIMENT_NAME of this machine does not reach the cluster")


def test_a_sweep_is_written_where_the_environment_says(tmp_path, monkeypatch):
    theirs = f"sqlite:///{tmp_path}/theirs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", theirs)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "team-search")
    spec, home = SweepSpec.parse(toy_tree()), SweepHome(tmp_path / "home")
    folder = home.sweep(spec.name)
    folder.take_name()
    books = Books(spec, home, folder, new_record(spec, None))
    books.open()
    books.wait_until_open()
    books.scribe.finish()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    sweep, _ = read_sweep(theirs, "toy")
    assert sweep.experiment == "team-search"
    record = folder.store.sweep()
    assert (record.tracking_uri, record.tracking_source) == (theirs, "MLFLOW_TRACKING_URI")
    assert Books(spec, home, folder, record).sweep.tracking_uri == theirs
    assert not Path(home.tracking_uri.removeprefix("sqlite:///")).exists()
