"""Whether a folder's file system has the locks that sweeps need; some mounts of NFS have none."""

from __future__ import annotations

import fcntl
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

_TRY = 2.0
"""Seconds for SQLite to wait; no other process knows the file."""

WAY_OUT = "set --home or SWEEP_HOME to a local disk"


def lack_of_locks(folder: Path, database: bool = True) -> str | None:
    """Why files in `folder`, or its nearest parent that exists, cannot be locked; None if they can.

    `database`: whether it is to hold an SQLite database, too. OSError if nothing can be written.
    """
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with TemporaryDirectory(prefix=".winnow-locks-", dir=there) as scratch:
            why = _flock(Path(scratch)) or (_sqlite(Path(scratch)) if database else None)
    except OSError as error:
        error.filename = str(there)
        raise
    return why and f"{there} has no working file locks, as some mounts of NFS ({why})"


def _flock(scratch: Path) -> str | None:
    with (scratch / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return f"flock: {error.strerror or error}"
    return None


def _sqlite(scratch: Path) -> str | None:
    import sqlite3

    try:
        with closing(sqlite3.connect(scratch / "try.db", timeout=_TRY)) as connection:
            connection.execute("CREATE TABLE tried (number INTEGER)")
            connection.commit()
    except sqlite3.Error as error:
        return f"SQLite: {error}"
    return None
