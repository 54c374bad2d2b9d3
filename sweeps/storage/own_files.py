"""The head's files in a sweep's folder, as opposed to those that slots write and upload."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from trainables.board.job import ANSWERS, CHECKPOINTS, LOSSES, WEIGHTS

OF_SLOTS = re.compile(
    rf"(?:(?:trials|confirmations)/\d+|base)/(?:{WEIGHTS}/.*|{CHECKPOINTS}/.*|{ANSWERS}/.*|{re.escape(LOSSES)}"
    r"|error-rank.*|hang-.*)"
)
"""Files that slots write, and upload themselves."""

Stamp = tuple[int, int]
"""Size and modification time of a file, which show that it has changed."""

_SETTLED = 2 * 10**9
"""Age of a folder in nanoseconds from which its time shows later changes: clocks of file systems
are coarse."""


class OwnFiles:
    """Finds them again and again. The folder of a trial that has ended is not listed again until a
    file in it is replaced: a sweep may have thousands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: dict[str, tuple[int, Mapping[str, Stamp]]] = {}

    def stamps(self, ended: Collection[str] = ()) -> dict[str, Stamp]:
        """All files by name; `ended` are the names of folders of trials that have ended."""
        found: dict[str, Stamp] = {}
        for pattern in ("*", "base/*", "requests/*"):
            found |= self._of(self._folder.glob(pattern))
        for kind in ("trials", "confirmations"):
            for trial in (self._folder / kind).glob("*"):
                found |= self._of_trial(trial, f"{kind}/{trial.name}" in ended)
        return found

    def _of_trial(self, trial: Path, ended: bool) -> Mapping[str, Stamp]:
        name = str(trial.relative_to(self._folder))
        with suppress(FileNotFoundError):
            changed = trial.stat().st_mtime_ns
            before, stamps = self._listed.get(name, (0, {}))
            if ended and changed == before:
                return stamps
            stamps = dict(self._of(trial.glob("*")))
            self._listed[name] = changed if time.time_ns() - changed > _SETTLED else 0, stamps
            return stamps
        return {}

    def _of(self, files: Iterable[Path]) -> Iterator[tuple[str, Stamp]]:
        for file in files:
            name = str(file.relative_to(self._folder))
            if _is_own(file, name) and (stamp := stamp_of(file)):
                yield name, stamp


def _is_own(file: Path, name: str) -> bool:
    """Whether it is one of the head's files: no draft, and no lock against a second head."""
    return not file.name.startswith(".") and name != "lock" and not OF_SLOTS.fullmatch(name)


def stamp_of(file: Path) -> Stamp | None:
    """The stamp of a file; None without one."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return (found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None
