"""The lock of a sweep, held by the process that runs it; the system releases it when that dies."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sweeps.base.errors import SweepError
from sweeps.home.locks import WAY_OUT

_CHECKS = 10.0
"""Seconds for which status checks that share a lock are waited for."""

_PAUSE = 0.01  # seconds


@dataclass(frozen=True)
class SweepLock:
    """The lock file at `path`, with the process and the machine that hold it."""

    path: Path

    def is_held(self) -> bool:
        """Whether a process on any machine holds it."""
        try:
            with self.path.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # locked, or unknown on this file system
        return False

    def holder(self) -> tuple[int, str] | None:
        """The process and the machine that hold it; None if none does."""
        if not self.is_held():
            return None
        with suppress(FileNotFoundError, ValueError):  # it begins or ends at this moment
            pid, _, host = self.path.read_text().partition(" ")
            return int(pid), host
        return None

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Hold it while the block runs; whether that is so, and no other process holds it."""
        try:
            file = self.path.open("a+")
        except FileNotFoundError:  # another launch has just freed the name, and deleted the folder
            yield False
            return
        with file:
            if not _flocked(file):
                yield False
                return
            file.truncate(0)
            file.write(f"{os.getpid()} {socket.gethostname()}")
            file.flush()
            yield self._is(file)

    def _is(self, file: IO[str]) -> bool:
        """Whether the open file is still at the path: see above."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False


def _flocked(file: IO[str]) -> bool:
    """Lock the file, open for reading, too; False if another process holds the lock.

    A status check shares it for an instant, and is waited for; on a busy machine the instants of
    several may follow each other.
    """
    until = time.monotonic() + _CHECKS
    try:
        while not _got(file, fcntl.LOCK_EX):
            # A share is to be had beside status checks, and not beside a holder.
            if not _got(file, fcntl.LOCK_SH) or time.monotonic() > until:
                return False
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(_PAUSE)
    except OSError as error:
        raise SweepError(
            f"{file.name}: cannot be locked ({error.strerror}), as on some mounts of NFS; {WAY_OUT}"
        ) from error
    return True


def _got(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
