"""What can refuse a sweep without Ray does so before Ray, and before model and data if it can."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest
from ports import free_port
from spec_samples import toy_tree

from results.mlflow.tracking_error import TrackingError
from results.records.record import TrialRecord
from sweeps.base.errors import LaunchError, SweepError
from sweeps.base.view import View
from sweeps.books.books import new_record
from sweeps.home.home import SweepHome
from sweeps.run import launch as module
from sweeps.run.readiness import refuse_if_away
from sweeps.search.study import open_study
from sweeps.spec.spec import SweepSpec


class Tracker:
    """An MLflow that is quick and takes everything, or refuses as it is told."""

    refusal: Exception | None = None

    def __init__(self, *where): ...

    def start_sweep(self, record, spec_text, stamp):
        if self.refusal:
            raise self.refusal
        return "parent"

    def end_sweep(self, record, ranking, stamp): ...


@pytest.fixture
def home(tmp_path):
    return SweepHome(tmp_path / "home")


@pytest.fixture(autouse=True)
def early(monkeypatch):
    """Neither model and data nor Ray are reached."""

    def reached(what):
        def reach(*arguments):
            raise AssertionError(f"{what} came first")

        return reach

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr(module, "cluster", reached("Ray"))
    monkeypatch.setattr(module, "prepare", reached("preparing model and data"))


@pytest.fixture
def late(monkeypatch, early):
    """Model and data are prepared, and MLflow opens."""
    monkeypatch.setattr(module, "prepare", lambda spec, *_: (spec, None))
    monkeypatch.setattr("results.mlflow.tracking.Tracker", Tracker)


def refused(home, match, address=None, **changes):
    spec = SweepSpec.parse(toy_tree(**changes))
    with pytest.raises(SweepError, match=match):
        module.launch(spec, home, View(), address)
    assert not home.sweep("toy").path.exists(), "its name is free"


def test_a_tracking_server_that_is_away(home):
    uri = f"http://127.0.0.1:{free_port()}"
    refused(home, rf"tracking\.uri: cannot reach {uri}", tracking={"uri": uri})


def test_a_tracking_database_that_is_none(home, tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, though it is long enough to be one" * 9)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    refused(home, r"tracking\.uri: .*not a database", tracking={"uri": uri})


def test_a_tracking_database_that_cannot_be_made(home, tmp_path):
    (tmp_path / "file").write_text("where a folder would have to be")
    uri = f"sqlite:///{tmp_path}/file/deeper/mlflow.db"
    refused(
        home,
        rf"tracking\.uri: .*because {tmp_path}/file is not a writable folder",
        tracking={"uri": uri},
    )


def test_a_home_that_cannot_be_made_is_named_by_its_options_and_not_by_a_field(tmp_path):
    (tmp_path / "file").write_text("where a folder would have to be")
    home = SweepHome(tmp_path / "file" / "home")
    match = rf"home's own database: {home.path}/mlflow.db .*{tmp_path}/file is not .*; set --home"
    with pytest.raises(SweepError, match=match) as refused:
        refuse_if_away(SweepSpec.parse(toy_tree()), home, View())
    assert "tracking.uri" not in str(refused.value)


def test_a_ray_cluster_that_is_away(home):
    address = f"127.0.0.1:{free_port()}"
    refused(home, f"no Ray cluster answers at {address}", address)


def test_slots_that_this_machine_cannot_hold(home):
    refused(home, r"slots: 6 of 1 workers need .* but there are", slots={"count": 9, "cpus": 500})
    refused(
        home,
        r"this machine has room for 0 of 1 worker with 500 CPU",
        slots={"max": 2, "gpus": 0, "cpus": 500},
    )


def test_an_optuna_database_that_is_away(home, tmp_path):
    (tmp_path / "file").write_text("where a folder would have to be")
    uri = f"sqlite:///{tmp_path}/file/optuna.db"
    refused(home, r"search\.storage: .*cannot be used", search={"storage": uri})


def test_an_optuna_database_with_another_sweep_of_that_name(home, tmp_path):
    search = {"storage": f"sqlite:///{tmp_path}/optuna.db"}
    spec = SweepSpec.parse(toy_tree(search=search))
    open_study(spec, tmp_path / "unused", began=1.0).ask()
    refused(home, "has a study 'toy' of another sweep", search=search)


def test_a_tracking_server_that_answers_and_refuses_to_write(home, late, monkeypatch):
    monkeypatch.setattr(Tracker, "refusal", TrackingError("403: you may only read"))
    monkeypatch.setattr("results.mlflow.tracking.find_experiment", lambda *where: "7")
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        refused(home, r"tracking\.uri: 403: you may only read", tracking={"uri": uri})


def test_the_tables_of_a_new_database_are_made_while_ray_starts(home, late, monkeypatch):
    ray_starts = threading.Event()

    def slow(tracker, record, spec_text, stamp):
        assert ray_starts.wait(60), "MLflow was waited for"
        return "parent"

    @contextmanager
    def cluster(address):
        ray_starts.set()
        raise LaunchError("Ray did not start")
        yield

    monkeypatch.setattr(Tracker, "start_sweep", slow)
    monkeypatch.setattr(module, "cluster", cluster)
    refused(home, "Ray did not start")


@pytest.fixture
def interrupted(home):
    """A sweep that has a trial on record, and nothing in Optuna's journal."""
    spec = SweepSpec.parse(toy_tree())
    folder = home.sweep("toy")
    folder.take_name()
    folder.write_spec(spec.text())
    folder.store.write_sweep(new_record(spec, None).with_changes(state="interrupted"))
    folder.store.write_trial(TrialRecord(sweep="toy", number=0, status="complete", ended=9.0))
    return folder


def test_a_resume_whose_study_has_lost_trials(home, interrupted, late):
    before = interrupted.store.sweep()
    with pytest.raises(SweepError, match="lacks recorded trial 0"):
        module.resume("toy", home, View())
    assert interrupted.store.sweep() == before


def test_a_resume_that_does_not_find_its_cluster(home, interrupted):
    before = interrupted.store.sweep()
    with pytest.raises(SweepError, match="no Ray cluster answers"):
        module.resume("toy", home, View(), address=f"127.0.0.1:{free_port()}")
    assert interrupted.store.sweep() == before


def test_a_sweep_that_is_complete_needs_neither_ray_nor_room(home, interrupted, late, monkeypatch):
    monkeypatch.setattr(Tracker, "trials", lambda *arguments: {}, raising=False)
    for number in range(6):
        trial = TrialRecord(sweep="toy", number=number, status="complete", ended=9.0)
        interrupted.store.write_trial(trial)
    interrupted.store.write_sweep(interrupted.store.sweep().with_changes(state="complete"))
    slots = ["slots.count=3", "slots.cpus=500"]
    done = module.resume("toy", home, View(), slots, address=f"127.0.0.1:{free_port()}")
    assert done.sweep.state.value == "complete"
