"""A trial's checkpoints on shared storage, where each node has only its own ranks' files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from trainables.core import ranks
from trainables.core.errors import StorageError
from trainables.slots.uploads import Uploads
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder
from trainables.storage.sealed import NotWholeError, Sums
from trainables.training.checkpoints import (
    PREFIX,
    Checkpoint,
    Checkpoints,
    manifest_of,
    needless,
    read_manifest,
)


class RemoteCheckpoints(Checkpoints):
    """Checkpoints in `remote`; each node writes and reads them through its own `folder`.

    Each node uploads its ranks' files during training. The manifest of all files comes last; a
    checkpoint without it does not count. One that cannot be uploaded is skipped.
    """

    def __init__(
        self, folder: Path, every: float, layout: str, remote: RemoteFolder, uploads: Uploads
    ) -> None:
        super().__init__(folder, every, layout)
        self._remote = remote
        self._uploads = uploads
        self._upload: Future[Sums | None] | None = None
        self._unsealed: tuple[Checkpoint, Future[None]] | None = None
        self._needless = False

    def write(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """As on a shared folder, but it counts later, and only if `finish` is called meanwhile."""
        self.settle()
        draft = self._folder / ".partial"
        if ranks.leads_node():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        ranks.barrier()  # the next upload starts only when the one before counts
        fill(draft)
        ranks.barrier()
        left = self._uploads.all_left()
        files = draft / self.path(checkpoint).name
        if ranks.world_size() == 1:
            bring = partial(self._bring, files, checkpoint, left)
            self._upload = self._uploads.put_checkpoint(bring)
        else:
            self._unsealed = checkpoint, left
            if ranks.leads_node():
                self._upload = self._uploads.put_checkpoint(partial(self._uploaded, files))
        self._wrote()

    def busy(self) -> bool:
        """Whether this rank is still uploading the last one."""
        return self._upload is not None and not self._upload.done()

    def finish(self) -> bool:
        """Make the last one count, if each node could upload its part."""
        if self._unsealed is None:
            return False
        (checkpoint, left), self._unsealed = self._unsealed, None
        parts = ranks.from_every_rank(self._upload.result() if self._upload else {})
        known = [part for part in parts if part is not None]
        if ranks.rank() == 0 and len(known) == len(parts):
            seal = partial(self._seal, checkpoint, left, known)
            self._upload = self._uploads.put_checkpoint(seal)
        return True

    def settle(self) -> None:
        """Wait until the last one counts; raises this rank's errors other than the storage's."""
        if self._upload:
            self._upload.result()
        self.finish()
        if self._upload:
            self._upload.result()

    def give_up(self) -> None:
        """Stop uploading, since the trial has ended."""
        self._needless = True

    def latest(self, before: float = float("inf")) -> Checkpoint | None:
        """As on a shared folder; downloads it to each node."""
        found = [self._left_before(before)] if ranks.rank() == 0 else None
        (steps,) = ranks.from_rank_zero(found)
        for step in steps:
            brought = self._brought(step) if ranks.leads_node() else None
            (checkpoint,) = ranks.from_rank_zero([brought])
            if all(ranks.from_every_rank(brought is not None or not ranks.leads_node())):
                return checkpoint
        return None

    def _bring(self, files: Path, checkpoint: Checkpoint, left: Future[None]) -> None:
        sums = self._uploaded(files)
        if sums is not None:
            self._seal(checkpoint, left, [sums])

    def _uploaded(self, files: Path) -> Sums | None:
        there = self._there(files.name)
        try:
            if ranks.rank() == 0:
                sealed.unseal(there)  # it may exist from training that is repeated
            return sealed.upload(files, there, lambda: not self._needless)
        except StorageError:
            return None
        finally:
            shutil.rmtree(files.parent, ignore_errors=True)

    def _seal(self, checkpoint: Checkpoint, left: Future[None], parts: list[Sums]) -> None:
        left.result()
        sums = {name: sum_ for part in parts for name, sum_ in part.items()}
        there = self._there(self.path(checkpoint).name)
        with suppress(StorageError, FileNotFoundError):  # the head may delete it meanwhile
            sealed.seal(there, **manifest_of(checkpoint, self._layout, sums))
            steps = self._steps()
            whole = [step for step in steps if steps[step]]
            for step in {*steps} - {*whole} | {*needless(whole, checkpoint.step)}:
                sealed.drop(self._there(f"{PREFIX}{step}"))

    def _brought(self, step: int) -> Checkpoint | None:
        remote = self._there(f"{PREFIX}{step}")
        try:
            checkpoint = read_manifest(sealed.manifest(remote), self._layout)
            if checkpoint is not None:
                shutil.rmtree(self.path(checkpoint), ignore_errors=True)
                sealed.pull_whole(remote, self.path(checkpoint))
        except NotWholeError:
            return None  # damaged or unfinished: the one before takes its place
        return checkpoint

    def _left_before(self, before: float) -> list[int]:
        """Delete those of `before` or later; return the other complete steps, newest first."""
        steps = self._steps()
        for step in steps:
            if step >= before:
                sealed.drop(self._there(f"{PREFIX}{step}"))
        return sorted((step for step in steps if steps[step] and step < before), reverse=True)

    def _steps(self) -> dict[int, bool]:
        """The steps that have files, and whether each has a manifest."""
        found: dict[int, bool] = {}
        for name in self._remote.sizes():
            folder, _, file = name.partition("/")
            if (step := folder.removeprefix(PREFIX)).isdigit():
                found[int(step)] = found.get(int(step), False) or file == sealed.MANIFEST
        return found

    def _there(self, name: str) -> RemoteFolder:
        return self._remote / name
