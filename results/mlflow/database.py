"""MLflow's SQLite database of runs: checked, and created completely or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from results.mlflow.tracking_error import TrackingError
from results.records.uris import artifact_uri, sqlite_file

_ABANDONED = 3600.0
"""Seconds since its last change after which an unfinished database is a killed process's."""

_PATIENCE = 10.0
"""Seconds to wait for a database that another process has locked."""


def check_database(uri: str) -> None:
    """TrackingError on a folder or a locked database, which MLflow would retry for minutes."""
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
    """Create the database if it does not exist, completely or not at all.

    MLflow itself creates tables one by one, and cannot use what a killed process leaves.
    """
    database = sqlite_file(uri)
    if database is None or database.exists():
        return
    _clear(database)
    # A new name each time: MLflow keeps a connection for each URI.
    partial = database.with_name(f".{database.name}.{secrets.token_hex(4)}.partial")
    # The given URI, to keep its options.
    make_tables(uri.replace(str(database), str(partial), 1), partial, artifact_uri(uri, None))
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    _publish(partial, database)


def _clear(database: Path) -> None:
    """Delete what killed processes left; a younger one may be in the making on another machine."""
    for left in database.parent.glob(f".{database.name}.*.partial"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


def _publish(partial: Path, database: Path) -> None:
    """Give it its name, unless another machine's process was first, as on a shared disk: that
    one's may hold runs by now."""
    try:
        os.link(partial, database)
    except FileExistsError:
        pass
    except OSError:  # no links on this file system
        partial.replace(database)
    finally:
        partial.unlink(missing_ok=True)


def make_tables(uri: str, database: Path, artifacts: str | None) -> None:
    """Have MLflow make its tables in a new `database`, whose address is `uri`."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with _unsynced(database):
        store = SqlAlchemyStore(uri, artifacts)  # type: ignore[no-untyped-call]
        store.engine.dispose()


@contextmanager
def _unsynced(database: Path) -> Iterator[None]:
    """Have SQLite leave `database` in the system's cache: MLflow makes its tables in hundreds of
    steps, and to wait for the disk at each takes seconds."""
    from sqlalchemy import Engine, event

    def connected(connection: sqlite3.Connection, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            ((_, _, file), *_) = connection.execute("PRAGMA database_list")
            if file and Path(file) == database.resolve():
                connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """Lock against a user's other processes: two that create SQLite tables at once would clash."""
    database = sqlite_file(uri)
    if database is None:
        yield
        return
    name = hashlib.sha256(str(database.resolve()).encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir()) / f"winnow-mlflow-{os.getuid()}-{name}.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
