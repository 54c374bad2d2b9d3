"""The mirror of a sweep's folder on shared storage: uploads the head's files, downloads the slots'.

Runs in a thread, so that a slow or unavailable store delays nothing and loses nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from results.records.uris import redact
from sweeps.storage.claim import Claim, TakenOverError
from sweeps.storage.own_files import OF_SLOTS, OwnFiles, Stamp, stamp_of
from trainables.board.job import ANSWERS, CHECKPOINTS, LOSSES, WEIGHTS
from trainables.core.atomic import publish
from trainables.core.background import Background, Tell, breakdowns_told, logged
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder

PAUSE = 1.0
"""Seconds between two checks of the folder."""

PATIENCE = 60.0
"""Seconds that the end of a sweep waits for a store that accepts nothing."""

_AT_ONCE = 8
"""Number of simultaneous transfers: small files mostly wait."""

_JOURNAL = "optuna.journal"

_UNKNOWN: Stamp = (-1, 0)
"""The stamp of a file on the storage that differs from our upload."""


class Mirror:
    """Keeps `remote` in sync with `folder`, from `start` to `finish`; `tell` is told of pauses,
    `broken` of breakdowns.

    Does nothing once another head holds the claim.
    """

    def __init__(
        self,
        folder: Path,
        remote: RemoteFolder,
        claim: Claim,
        tell: Callable[[str], None] = lambda text: None,
        broken: Tell = logged,
    ) -> None:
        self.remote = remote
        self.claim = claim
        self._folder = folder
        self._tell = tell
        self._broken = broken
        self._files = OwnFiles(folder)
        self._pushed: dict[str, Stamp] = {}
        self._fetched: set[str] = set()
        self._dropped: set[str] = set()
        self._to_drop: set[str] = set()
        self._to_fetch: set[str] = set()
        self._away: OSError | None = None
        self._forgotten = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = Background(
            "mirror",
            self._run,
            f"the sweep continues, and {remote} gets the remaining files at its end",
            broken,
        )

    def start(self) -> None:
        """Start; assumes no files on the storage yet."""
        self._thread.start()

    def fetch(self, name: str) -> None:
        """Schedule the download of slot files below `name`, except large ones."""
        with self._lock:
            self._to_fetch.add(name)

    def ended(self, trial: str, dropped: Iterable[str]) -> None:
        """Schedule the download of a trial's files and the deletion of these folders, each once."""
        with self._lock:
            if trial not in self._fetched:
                self._to_fetch.add(trial)
            self._to_drop |= {f"{trial}/{name}" for name in dropped} - self._dropped

    def forget(self) -> None:
        """Schedule the deletion of the remote folder of an empty sweep."""
        self._forgotten = True

    def bring(self, weights: str) -> None:
        """Download a folder of weights, if there is one, and wait for it."""
        if not (self._folder / weights).is_dir():
            try:
                with suppress(sealed.NotWholeError):  # there may be no weights to keep
                    sealed.pull_whole(self.remote / weights, self._folder / weights)
            except OSError as error:
                self._tell(f"{weights} could not be downloaded: {redact(str(error))}")

    def finish(self) -> bool:
        """Upload and download the rest, and stop; returns whether all succeeded, else tells."""
        clean = False
        try:
            self._over.set()
            self._thread.join()
            with breakdowns_told("The final upload", "see below", self._broken):
                clean = self._last_rounds()
        finally:  # even if Ctrl-C ends the wait
            if not clean and not self.claim.taken_over:
                self._tell(self._left_undone())
        return clean

    def _last_rounds(self) -> bool:
        until = time.monotonic() + PATIENCE
        while not (clean := self._last_round()) and not self.claim.taken_over:
            if time.monotonic() > until:
                break
            time.sleep(PAUSE)
        return clean

    def _left_undone(self) -> str:
        if self._forgotten:
            return f"{self.remote} could not be deleted ({self._away})"
        return (
            f"{self.remote} lacks some files of {self._folder} ({self._away}); "
            f"`sweep resume {self._folder.name}` uploads them"
        )

    def _run(self) -> None:
        while not self._over.wait(PAUSE):
            self._round()

    def _round(self, whole: bool = False) -> bool:
        """Upload, download and delete once; returns whether everything is in sync. `whole`: even
        the folders of ended trials that seem unchanged are looked through."""
        try:
            self.claim.renew()
            self._push(whole)
            self._fetch()
            self._drop()
        except TakenOverError:
            return False
        except OSError as error:  # on the storage or on our own disk
            self._note(error)
            return False
        self._note(None)
        return True

    def _last_round(self) -> bool:
        """Also covers files left by a slot after its trial's files were dropped, and files
        overwritten by another head before it learned that it had lost the sweep.
        """
        if self.claim.taken_over:
            return False
        try:
            there = self.remote.sizes()
        except OSError as error:
            self._note(error)
            return False
        self._to_drop |= self._dropped & {"/".join(name.split("/")[:3]) for name in there}
        for name, (size, _) in self._pushed.items():
            if there.get(name) != size:
                self._pushed[name] = _UNKNOWN
        return self._round(whole=True)

    def _note(self, error: OSError | None) -> None:
        if error and not self._away:
            self._tell(f"{redact(str(error))}; the sweep continues and retries")
        self._away = error

    def _push(self, whole: bool) -> None:
        if self._forgotten:
            self.claim.renew(at_once=True)
            self.remote.delete()
            return
        if self._is_lost():
            return
        # Taken before the read: later additions are uploaded the next time.
        added = stamp_of(self._folder / _JOURNAL)
        # Records first, as the truth, then Optuna's journal: each end in the journal is then in an
        # uploaded record.
        changes = added is not None and self._pushed.get(_JOURNAL) != added
        journal = self._read(_JOURNAL) if changes else None
        now = self._files.stamps(() if whole else self._fetched)
        changed = [
            (name, stamp)
            for name, stamp in now.items()
            if name != _JOURNAL and self._pushed.get(name) != stamp
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda item: self._push_one(*item), changed))
            list(pool.map(self._remove_one, self._removed(now)))
        if journal is not None and added is not None:
            self.remote.write(_JOURNAL, journal[: journal.rfind(b"\n") + 1])
            self._pushed[_JOURNAL] = added

    def _is_lost(self) -> bool:
        """Whether the disk is lost or unmounted, which must not delete the copy. A record written
        then makes another folder in its place, without the lock of the sweep."""
        return not all((self._folder / name).is_file() for name in ("sweep.json", "lock"))

    def _removed(self, now: Collection[str]) -> list[str]:
        """The uploaded files that were deleted here. A file that is missing in `now` may have been
        missed: the disk can be lost, or refuse a folder, while the files are listed."""
        missing = [name for name in self._pushed if name not in now]
        deleted = [name for name in missing if stamp_of(self._folder / name) is None]
        return [] if self._is_lost() else deleted

    def _push_one(self, name: str, stamp: Stamp) -> None:
        content = self._read(name)
        if content is not None:
            self.remote.write(name, content)
            self._pushed[name] = stamp

    def _remove_one(self, name: str) -> None:
        self.remote.delete(name)
        del self._pushed[name]

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _fetch(self) -> None:
        if self._is_lost():
            return  # a folder that was freed, or whose disk is lost, must not come back
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._fetch_one, self._taken(self._to_fetch)))

    def _fetch_one(self, name: str) -> None:
        self._to_fetch.discard(name)  # before: `fetch` may ask for it again meanwhile
        try:
            self._pull(name)
        except BaseException:
            self._to_fetch.add(name)
            raise
        self._fetched.add(name)

    def _pull(self, name: str) -> None:
        remote = self.remote / name
        for file in remote.sizes():
            small = "/" not in file or file.startswith(f"{ANSWERS}/")
            if small and OF_SLOTS.fullmatch(f"{name}/{file}"):
                remote.pull(file, self._folder / name / file)

    def _drop(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._drop_one, self._taken(self._to_drop)))

    def _drop_one(self, name: str) -> None:
        sealed.drop(self.remote / name)
        self._dropped.add(name)
        self._to_drop.discard(name)

    def _taken(self, names: set[str]) -> list[str]:
        with self._lock:
            return sorted(names)


@contextmanager
def mirrored(mirror: Mirror | None, progress: Progress = NO_PROGRESS) -> Iterator[None]:
    """Mirror while the block runs, and finish however it ends."""
    if mirror is None:
        yield
        return
    mirror.start()
    try:
        yield
    finally:
        with progress.phase(f"uploading remaining files to {mirror.remote}"):
            mirror.finish()


def bring_down(
    remote: RemoteFolder, folder: Path, amend: Callable[[Path], None] = lambda draft: None
) -> None:
    """Create `folder` from a mirror's files, without checkpoints, which slots fetch themselves.

    It appears complete, after `amend`, or not at all.
    """

    def fill(draft: Path) -> None:
        there = remote.sizes()
        large = f"/{CHECKPOINTS}/", f"/{WEIGHTS}/"
        small = [name for name in there if not any(part in name for part in large)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda name: remote.pull(name, draft / name), small))
        for name in there:
            if name.endswith(f"/{WEIGHTS}/{sealed.MANIFEST}"):
                weights = name.removesuffix(f"/{sealed.MANIFEST}")
                with suppress(sealed.NotWholeError):
                    sealed.pull_whole(remote / weights, draft / weights)
        amend(draft)

    publish(folder, fill)


def bring_up(folder: Path, remote: RemoteFolder) -> None:
    """Upload the slot files in `folder` from before it was mirrored."""
    for trial in (folder / "base", *folder.glob("trials/*"), *folder.glob("confirmations/*")):
        there = remote / str(trial.relative_to(folder))
        for file in trial.glob(LOSSES):
            there.push(file, LOSSES)
        for name in (WEIGHTS, ANSWERS):
            if (trial / name).is_dir():
                sealed.push_whole(trial / name, there / name)
        for manifest in (trial / CHECKPOINTS).glob(f"[!.]*/{sealed.MANIFEST}"):
            up = there / CHECKPOINTS / manifest.parent.name
            sealed.upload(manifest.parent, up)
            up.push(manifest, sealed.MANIFEST)
