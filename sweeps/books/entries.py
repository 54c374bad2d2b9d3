"""Entries that wait to be written to MLflow, those of a trial together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from results.mlflow.tracking import Tracker
    from results.records.record import TrialKey, TrialRecord

LINGER = 1.0
"""Seconds that the start of a trial waits for its other entries. What is written together takes
MLflow two thirds of the time; the entries of a trial of minutes are written as they come."""


Write: TypeAlias = "Callable[[Tracker], None]"


class Entry(NamedTuple):
    """Something to write. Writing is idempotent: it may happen twice."""

    write: Write
    uploads: bool = False
    begins: bool = False
    ended: TrialRecord | None = None


def together(entries: Sequence[Entry]) -> Entry:
    """One entry that writes all of them."""
    if len(entries) == 1:
        return entries[0]
    ended = _whole(entries)

    def write(tracker: Tracker) -> None:
        with tracker.together(ended):
            for entry in entries:
                entry.write(tracker)

    return Entry(write)


def _whole(entries: Sequence[Entry]) -> TrialRecord | None:
    """The trial that they tell from its start to its end, with each measurement; else None."""
    ended = entries[-1].ended
    whole = ended and entries[0].begins and len(entries) == len(ended.measurements) + 2
    return ended if whole else None


class Entries:
    """A queue in which a trial's later entries join its first one that still waits.

    So a trial's entries stay in order, and all others keep theirs.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, tuple[float, list[Entry]]] = {}
        self._closed = False
        self._changed = threading.Condition()

    def put(self, entry: Entry, trial: TrialKey | None) -> None:
        """Add an entry, of a trial or of the sweep."""
        with self._changed:
            key: Hashable = object() if trial is None else trial
            _, entries = self._waiting.setdefault(key, (time.monotonic(), []))
            entries.append(entry)
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is to come: what waits need not linger."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self) -> list[Entry]:
        """The first entries, to be written together; none once all are taken after the close."""
        with self._changed:
            while not self._ready():
                self._changed.wait(self._linger())
            if not self._waiting:
                return []
            _, entries = self._waiting.pop(next(iter(self._waiting)))
            return entries

    def _ready(self) -> bool:
        linger = self._linger()
        return self._closed or (linger is not None and linger <= 0)

    def _linger(self) -> float | None:
        """Seconds until the first entries are due; None without any."""
        oldest = next(iter(self._waiting.values()), None)
        if oldest is None:
            return None
        since, (first, *_) = oldest
        return since - time.monotonic() + (LINGER if first.begins else 0.0)
