"""A trial's checkpoints on shared storage, where each node has only its own ranks' files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
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


class RemoteCheckpoints(Checkpoints):
    """Checkpoints in `remote`; `folder` is where they are made, and read from, on each node.

    Each node uploads its ranks' files. The manifest of all of them comes last, and a checkpoint
    without it is none.
    """

    def __init__(self, folder: Path, every: float, layout: str, remote: RemoteFolder) -> None:
        super().__init__(folder, every, layout)
        self._remote = remote

    def write(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """As on a shared folder. One that cannot be uploaded is left out."""
        draft = self._folder / ".partial"
        if ranks.leads_node():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        ranks.barrier()
        fill(draft)
        ranks.barrier()
        sums = self._uploaded(draft / self.path(checkpoint).name) if ranks.leads_node() else {}
        parts = ranks.from_every_rank(sums)
        if ranks.rank() == 0 and all(part is not None for part in parts):
            with suppress(StorageError):
                self._seal(checkpoint, [part for part in parts if part is not None])
        if ranks.leads_node():
            shutil.rmtree(draft, ignore_errors=True)
        self._wrote()

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

    def _seal(self, checkpoint: Checkpoint, parts: list[Sums]) -> None:
        sums = {name: sum_ for part in parts for name, sum_ in part.items()}
        sealed.seal(
            self._there(self.path(checkpoint).name), **manifest_of(checkpoint, self._layout, sums)
        )
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
