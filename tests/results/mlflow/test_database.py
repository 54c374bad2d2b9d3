"""MLflow's SQLite database is made whole, or not at all."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing

import pytest
from hasty_sqlite import waiting_sqlite

from results.mlflow import database
from results.mlflow.database import make_database
from results.mlflow.runs import MlflowRuns

MAKE_TABLES = database.make_tables


@pytest.fixture(autouse=True)
def _made_by_mlflow(monkeypatch):
    """Not copied, as elsewhere in the tests."""
    monkeypatch.setattr(database, "make_tables", MAKE_TABLES)


def tables(file) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_it_has_what_mlflow_itself_would_make(tmp_path):
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{tmp_path}/theirs.db").search_experiments()
    make_database(f"sqlite:///{tmp_path}/ours.db")
    assert tables(tmp_path / "ours.db") == tables(tmp_path / "theirs.db")
    assert {file.name for file in tmp_path.glob("*ours*")} == {"ours.db"}


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path, monkeypatch):
    """Killed while MLflow makes its tables, of which the first are there."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.store.db.utils._verify_schema", killed)
        with pytest.raises(KeyboardInterrupt):
            make_database(uri)
    assert not (tmp_path / "mlflow.db").exists()
    (left,) = tmp_path.glob(".mlflow.db.*.partial")
    os.utime(left, (0, 0))
    assert MlflowRuns(uri).open_experiment("mine", None)
    assert not list(tmp_path.glob("*.partial"))


def one_table(uri, file, artifacts):
    """In the place of MLflow's many."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE runs (name TEXT)")


def test_a_database_that_another_machine_makes_meanwhile_keeps_its_runs(tmp_path, monkeypatch):
    """The lock between processes is in a folder of each machine's own."""
    uri, file = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "mlflow.db"

    def theirs_first(*where):
        one_table(*where)
        monkeypatch.setattr(database, "make_tables", one_table)
        make_database(uri)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("INSERT INTO runs VALUES ('theirs')")
            connection.commit()

    monkeypatch.setattr(database, "make_tables", theirs_first)
    make_database(uri)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM runs").fetchall() == [("theirs",)]
    assert [each.name for each in tmp_path.iterdir()] == ["mlflow.db"]


def test_it_is_made_on_a_disk_without_links(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(database, "make_tables", one_table)
    monkeypatch.setattr(database.os, "link", link)
    make_database(f"sqlite:///{tmp_path}/mlflow.db")
    assert tables(tmp_path / "mlflow.db") == {"runs"}
    assert [each.name for each in tmp_path.iterdir()] == ["mlflow.db"]


def test_only_its_making_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    levels = []

    def look(engine):
        with engine.connect() as connection:
            levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())

    monkeypatch.setattr("mlflow.store.db.utils._verify_schema", look)
    make_database(f"sqlite:///{tmp_path}/mlflow.db")
    assert levels == [0]
    with waiting_sqlite():
        assert MlflowRuns(f"sqlite:///{tmp_path}/mlflow.db").open_experiment("mine", None)
    assert levels == [0, 2], "a measurement is on the disk once it is written"
