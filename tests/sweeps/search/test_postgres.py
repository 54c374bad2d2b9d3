"""Optuna's study and MLflow's runs in a real PostgreSQL, which asks for a password."""

from __future__ import annotations

import dataclasses
import threading

import optuna
import pytest
from books import SEARCHING, check_books, drawn, folder_of, history, launch_here, sweep_here
from mlflow.tracking._tracking_service.utils import _get_store
from postgres import PASSWORD, USER, Postgres
from short_folder import short_folder
from spec_samples import toy_tree

from results.mlflow.tracking import read_sweep
from sweeps.base.errors import LaunchError, StudyError
from sweeps.doctor.machine import check_study, check_tracking
from sweeps.preflight.finding import Level
from sweeps.search import study_storage
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SpecError, SweepSpec


@pytest.fixture(scope="module")
def server():
    # Its user is not ours, and pytest closes its own folders to others.
    with short_folder() as folder:
        server = Postgres(folder)
        yield server
        server.kill()


@pytest.fixture
def database(server, request, monkeypatch):
    """The address of an empty database, and its password where clients look for it."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    name = "of_" + request.node.originalname[-40:]
    server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    return server.database(name)


@pytest.fixture
def spec(database):
    search = SEARCHING.search.model_copy(update={"storage": database})
    return dataclasses.replace(SEARCHING, search=search)


@pytest.fixture
def undisturbed(tmp_path):
    """The first six trials by the journal."""
    return drawn(StudyBook(open_study(SEARCHING, tmp_path / "journal"), SEARCHING.search), 6)


@pytest.fixture
def tracking(server, request, monkeypatch):
    """The address of an empty database for MLflow, which keeps in mind those that it has opened."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    name = "mlflow_of_" + request.node.originalname[-40:]
    address = server.database(name)
    yield address
    _get_store(address).engine.dispose()
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_suggests_what_the_journal_suggests(spec, undisturbed, tmp_path):
    found = drawn(StudyBook(open_study(spec, tmp_path), spec.search), 3)
    found += drawn(StudyBook(open_study(spec, tmp_path), spec.search), 3)
    assert found == undisturbed


def test_a_database_that_was_away_costs_the_search_nothing(
    spec, server, undisturbed, tmp_path, monkeypatch
):
    monkeypatch.setattr(study_storage, "PAUSE", 0.1)
    book = StudyBook(open_study(spec, tmp_path), spec.search)
    found = drawn(book, 2)
    server.kill()
    back = threading.Timer(1.0, server.start)
    back.start()
    found += drawn(book, 2)
    back.join()
    assert found == undisturbed[:4]
    states = [trial.state for trial in open_study(spec, tmp_path).get_trials()]
    assert states == [optuna.trial.TrialState.COMPLETE] * 4


def test_a_database_that_stays_away_is_told(spec, server, tmp_path, monkeypatch):
    monkeypatch.setattr(study_storage, "PATIENCE", 0.0)
    book = StudyBook(open_study(spec, tmp_path), spec.search)
    server.kill()
    try:
        with pytest.raises(StudyError, match=r"refused\); once it does, `sweep resume` continues"):
            drawn(book, 1)
    finally:
        server.start()


def test_the_study_of_a_sweep_elsewhere_is_left_alone(spec, tmp_path):
    drawn(StudyBook(open_study(spec, tmp_path, began=1.0), spec.search), 1)
    with pytest.raises(LaunchError, match="has a study 'toy' of another sweep") as refused:
        open_study(spec, tmp_path, began=2.0)
    assert "delete" not in str(refused.value), "it may be running"
    assert len(open_study(spec, tmp_path, began=1.0).get_trials()) == 1


def test_the_study_of_a_sweep_that_came_to_nothing_is_in_nobodys_way(spec, tmp_path):
    point = {"learning_rate": 1e-4, "lora.rank": 4}
    open_study(dataclasses.replace(spec, first_points=(point,)), tmp_path, began=1.0)
    assert open_study(spec, tmp_path, began=2.0).get_trials() == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (f"{USER}@", "stranger@", "password authentication failed"),
        ("/of_", "/nowhere_", "does not exist"),
        ("postgresql:", "postgres+nothing:", "Can't load plugin"),
        ("postgresql:", "mysql:", "pip install 'mysqlclient'"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_before_anything_starts(database, old, new, reason):
    finding = check_study(database.replace(old, new))
    assert finding.level is Level.WRONG
    assert "search.storage" in finding.message and reason in finding.message


def test_mlflows_own_database_is_none_for_optuna(tracking):
    assert check_tracking(tracking).level is Level.OK
    assert "only for Optuna" in check_study(tracking).message
    tree = toy_tree(search={"storage": tracking}, tracking={"uri": tracking})
    with pytest.raises(SpecError, match=r"search\.storage: is also the database of tracking\.uri"):
        SweepSpec.parse(tree)


def test_a_password_has_no_place_in_a_spec(database):
    tree = toy_tree(search={"storage": database.replace("@", f":{PASSWORD}@")})
    with pytest.raises(SpecError, match=r"search\.storage.*PGPASSWORD") as refused:
        SweepSpec.parse(tree)
    assert PASSWORD not in str(refused.value)


@pytest.mark.ray
@pytest.mark.endtoend
def test_a_sweep_with_both_books_in_databases_goes_on_with_a_higher_cap(
    ray_cluster, database, tracking, tmp_path
):
    """The cap ends it before a trial that cannot end."""
    one = 4 * 10 * 16 * 100  # the tokens of a toy trial
    tree = toy_tree(
        budget={"trained_tokens": 3 * one - 1, "evaluations": 4},
        slots={"count": 1},
        search={"storage": database},
        tracking={"uri": tracking},
    )
    done = launch_here(tree, tmp_path)
    assert done.returncode == 0, done.stderr
    known = folder_of(tmp_path, "toy")
    before = history(known.store.trials())
    assert [record.status.value for record in known.store.trials()] == ["complete"] * 2
    assert "ended by budget.trained_tokens: 128,000 of 191,999 tokens are trained" in done.stdout
    assert known.sweep_record().reached.cap == "trained_tokens"
    done = sweep_here("resume", "toy", "--set", "budget.trained_tokens=+1", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "192,000 of 192,000 tokens are trained" in done.stdout
    where = {"storage": database, "tracking": tracking}
    folder = check_books(tmp_path, "toy", trials=3, **where, refused=1)
    assert [record.status.value for record in folder.store.trials()] == ["complete"] * 3
    assert history(folder.store.trials())[:2] == before
    assert not folder.journal.exists() and not (tmp_path / "mlflow.db").exists()
    assert read_sweep(tracking, "toy")[0].state == "complete"
    assert list((tmp_path / "mlartifacts").rglob("winner.yaml"))
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert written and not [f for f in written if PASSWORD.encode() in f.read_bytes()]
