"""SQLite that does not wait for the disk: each commit would, for 20 ms, and MLflow commits hundreds
of times in a sweep. Only a power cut could tell the difference; the command itself waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def hasty_sqlite() -> Iterator[None]:
    """Within it, of the databases that this process opens by SQLAlchemy."""
    event.listen(Engine, "connect", _hasten)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _hasten)


def _hasten(connection: object, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@contextmanager
def waiting_sqlite() -> Iterator[None]:
    """Within it SQLite waits for the disk after all, as it does without tests."""
    event.remove(Engine, "connect", _hasten)
    try:
        yield
    finally:
        event.listen(Engine, "connect", _hasten)
