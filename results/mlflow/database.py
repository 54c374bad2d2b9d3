"""The SQLite database that MLflow keeps runs in: checked, and made whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from results.mlflow.tracking_error import TrackingError
from results.records.uris import artifact_uri, sqlite_file

_PATIENCE = 10.0
"""Seconds to wait for a database that another process has locked."""


def check_database(uri: str) -> None:
    """MLflow would try for minutes to open a folder, or a database that is locked."""
    database = sqlite_file(uri)
    if database is None or not database.exists():
        return
    if database.is_dir():
        raise TrackingError(f"tracking uri {uri}: {database} is a folder; use a file in it")
    try:
        with closing(sqlite3.connect(database, timeout=_PATIENCE)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        held = f" by another process for {_PATIENCE:.0f} s" if "locked" in str(error) else ""
        raise TrackingError(f"tracking uri {uri}: {error}{held}") from None


def make_database(uri: str) -> None:
    """Make the database that does not exist yet, complete or not at all.

    MLflow itself makes one table after the other, and can do nothing with what a killed process has
    left of that.
    """
    database = sqlite_file(uri)
    if database is None or database.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for left in database.parent.glob(f".{database.name}.*.partial"):
        left.unlink()  # of a process that was killed: this one is alone
    # Another name each time: MLflow keeps a connection for each URI.
    partial = database.with_name(f".{database.name}.{secrets.token_hex(4)}.partial")
    # The URI as it was given, so that its options stay.
    place = uri.replace(str(database), str(partial), 1)
    root = artifact_uri(uri, None)
    store = SqlAlchemyStore(place, root)  # type: ignore[no-untyped-call]
    store.engine.dispose()
    partial.replace(database)


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """Of two processes of a user that make the tables of an SQLite database at once, one fails."""
    database = sqlite_file(uri)
    if database is None:
        yield
        return
    name = hashlib.sha256(str(database.resolve()).encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir()) / f"winnow-mlflow-{os.getuid()}-{name}.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
