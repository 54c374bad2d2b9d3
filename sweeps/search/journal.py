"""Optuna's storage in a journal that nobody else writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

Log = dict[str, Any]


class OwnJournal(BaseJournalBackend):
    """The file of Optuna's JournalFileBackend, without its lock, and read only once.

    Optuna reads a journal before each answer, and locks, writes and syncs it for each parameter. A
    sweep is its journal's only user and knows what it has written, and a draw is one write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unread: list[Log] | None = None  # None: all that the file has
        self._gathered: list[str] | None = None

    def read_logs(self, log_number_from: int) -> Iterable[Log]:
        """The entries from this one on: those of the file, and later those appended since."""
        unread, self._unread = self._unread, []
        if unread is None:
            return JournalFileBackend(str(self._path)).read_logs(log_number_from)
        return unread

    def append_logs(self, logs: list[Log]) -> None:
        """Add entries. They are on disk once this returns, or the block of `together`."""
        lines = [f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs]
        if self._gathered is None:
            self._write(lines)
        else:
            self._gathered += lines
        if self._unread is not None:
            self._unread += map(json.loads, lines)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all that the block appends at its end, also if it raises: Optuna knows of it."""
        gathered: list[str] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
            self._write(gathered)

    def _write(self, lines: list[str]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())


class OwnStorage(JournalStorage):
    """Optuna's storage in such a journal."""

    def __init__(self, path: Path) -> None:
        self.journal = OwnJournal(path)
        super().__init__(self.journal)


def written_together(storage: BaseStorage) -> AbstractContextManager[None]:
    """Write what the block changes in a journal at once; a database gets each change as it is."""
    return storage.journal.together() if isinstance(storage, OwnStorage) else nullcontext()
