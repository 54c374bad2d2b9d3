"""The storage of a sweep's study: a journal in the sweep's folder, or a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import NullPool
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError

from results.records.uris import redact
from sweeps.base.errors import LaunchError, StudyError
from sweeps.search.journal import OwnStorage

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 600.0
"""Seconds that a search waits for an unavailable database, while trials continue."""

PAUSE = 1.0  # seconds

_LIBRARY = {"postgresql": "psycopg[binary]", "mysql": "mysqlclient"}


def open_storage(uri: str | None, journal: Path) -> BaseStorage:
    """The database at `uri`, or the journal without `uri`; LaunchError with the reason."""
    if uri is None:
        _mend(journal)
        return OwnStorage(journal)
    return open_database(uri)


def open_database(uri: str) -> RDBStorage:
    """Optuna's tables in the database at `uri`, created if missing; LaunchError on failure."""
    try:
        # A search makes few requests: no connection is kept until it is stale.
        return RDBStorage(uri, engine_kwargs={"poolclass": NullPool})
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        raise LaunchError(_no_way(uri, error, _missing(uri))) from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        remedy = "check that the database is up, only for Optuna, and open to this user"
        raise LaunchError(_no_way(uri, error, remedy)) from error


def patiently(method: Callable[P, T]) -> Callable[P, T]:
    """Retry an idempotent method while the database does not answer.

    StudyError if that takes too long.
    """

    @wraps(method)
    def patient(*arguments: P.args, **options: P.kwargs) -> T:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return method(*arguments, **options)
            except StorageInternalError as error:
                if time.monotonic() > until:
                    raise StudyError(
                        f"search.storage: the database no longer answers ({_reason(error)}); "
                        "once it does, `sweep resume` continues"
                    ) from error
                time.sleep(PAUSE)

    return patient


def _no_way(uri: str, error: Exception, remedy: str) -> str:
    return f"search.storage: {redact(uri)} cannot be used ({_reason(error)}); {remedy}"


def _reason(error: Exception) -> str:
    """The message of the database's own library, if any."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    cause = cause.orig if isinstance(cause, OperationalError) and cause.orig else cause
    return redact(str(cause).strip().splitlines()[0])


def _missing(uri: str) -> str:
    library = _LIBRARY.get(uri.partition(":")[0].partition("+")[0])
    return f"pip install '{library}'" if library else "use e.g. postgresql://USER@HOST/DATABASE"


def _mend(journal: Path) -> None:
    """Remove the leftovers of a process killed while writing.

    Optuna would wait for its lock, and fail on an incomplete last line.
    """
    journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
    if not journal.exists():
        return
    with journal.open("r+b") as file:
        text = file.read()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            file.truncate(whole)
