"""A trial's checkpoints on shared storage, where each node has only its own ranks' files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from pathlib import Path

from trainables import ranks, sealed
from trainables.checkpoints import (
    PREFIX,
    Checkpoint,
    Checkpoints,
    manifest_of,
    needless,
    read_manifest,
)
from trainables.errors import StorageError
from trainables.remote_folder import RemoteFolder
from trainables.sealed import NotWholeError, Sums
from trainables.uploads import Uploads


class RemoteCheckpoints(Checkpoints):
    """Checkpoints in `remote`; `folder` is where they are made, and read from, on each node.

    Each node uploads its ranks' files while the trial trains on. The manifest of all of them comes
    last, and a checkpoint without it is none. One that cannot be uploaded is left out.
    """

    def __init__(
        self, folder: Path, every: float, layout: str, remote: RemoteFolder, uploads: Uploads
    ) -> None:
        super().__init__(folder, every, layout)
        self._remote = remote
        self._uploads = uploads
        self._drafted: Checkpoint | None = None
        self._upload: Future[Sums | None] | None = None

    @property
    def _draft(self) -> Path:
        return self._folder / ".partial"

    def due(self) -> bool:
        """As on a shared folder, but the storage is not asked to take more than it can.

        Only who wants one after each step waits for it.
        """
        return super().due() and (self._every == 0 or not self.busy())

    def write(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """As on a shared folder; it counts once `finish` was called."""
        self.settle()
        if ranks.leads_node():
            shutil.rmtree(self._draft, ignore_errors=True)
            self._draft.mkdir(parents=True)
        ranks.barrier()
        fill(self._draft)
        ranks.barrier()
        self._drafted = checkpoint
        if ranks.leads_node():
            name = self.path(checkpoint).name
            upload = partial(self._uploaded, self._draft / name)
            self._upload = self._uploads.put_checkpoint(upload)
        self._wrote()

    def busy(self) -> bool:
        """Whether this rank's files are still on their way."""
        return self._upload is not None and not self._upload.done()

    def finish(self) -> None:
        """Vouch for the checkpoint that was uploaded, or leave it out."""
        if self._drafted is None:
            return
        checkpoint, self._drafted = self._drafted, None
        parts = ranks.from_every_rank(self._result())
        if ranks.rank() == 0 and all(part is not None for part in parts):
            known = [part for part in parts if part is not None]
            self._uploads.vouch(partial(self._seal, checkpoint, known))

    def settle(self) -> None:
        """Wait for what is on its way, and finish it."""
        if self._upload:
            wait([self._upload])
        self.finish()

    def latest(self, before: float = float("inf")) -> Checkpoint | None:
        """As on a shared folder; it is brought to each node."""
        (steps,) = ranks.from_rank_zero([self._newest_steps()] if ranks.rank() == 0 else None)
        for step in (each for each in steps if each < before):
            found = self._brought(step) if ranks.leads_node() else None
            (checkpoint,) = ranks.from_rank_zero([found])
            if all(ranks.from_every_rank(found is not None or not ranks.leads_node())):
                return checkpoint
        return None

    def _uploaded(self, draft: Path) -> Sums | None:
        try:
            return sealed.upload(draft, self._there(draft.name))
        except StorageError:
            return None
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)

    def _result(self) -> Sums | None:
        """The sums of what this rank has uploaded; None where that failed."""
        if self._upload is None:
            return {}
        return None if self._upload.exception() else self._upload.result()

    def _seal(self, checkpoint: Checkpoint, parts: list[Sums]) -> None:
        sums = {name: sum_ for part in parts for name, sum_ in part.items()}
        there = self._there(self.path(checkpoint).name)
        with suppress(StorageError):
            sealed.seal(there, **manifest_of(checkpoint, self._layout, sums))
            for step in needless(self._newest_steps(), checkpoint.step):
                sealed.drop(self._there(f"{PREFIX}{step}"))

    def _brought(self, step: int) -> Checkpoint | None:
        remote = self._there(f"{PREFIX}{step}")
        try:
            checkpoint = read_manifest(sealed.manifest(remote), self._layout)
            if checkpoint is not None:
                shutil.rmtree(self.path(checkpoint), ignore_errors=True)
                sealed.pull_whole(remote, self.path(checkpoint))
        except NotWholeError:
            return None  # damaged, or never finished: the one before takes its place
        return checkpoint

    def _newest_steps(self) -> list[int]:
        names = {name.partition("/")[0].removeprefix(PREFIX) for name in self._remote.sizes()}
        return sorted((int(name) for name in names if name.isdigit()), reverse=True)

    def _there(self, name: str) -> RemoteFolder:
        return self._remote / name
