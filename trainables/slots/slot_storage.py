"""Storage for slots' files when nodes share no folder: all nodes reach it by a URI.

On its node a slot works in a scratch folder, which may be lost at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainables.core.errors import StorageError
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder
from trainables.storage.sealed import NotWholeError
from trainables.training.inputs import Inputs

PATIENCE = 600.0
"""Seconds that a slot waits for unavailable storage, well below any timeout of the collectives in
which the other ranks wait for it."""


@dataclass(frozen=True)
class SlotStorage:
    """A sweep's storage as its slots see it; can be pickled.

    `sweep` on the storage corresponds to `folder` on the head's disk; `cache` is shared by all
    sweeps. `inputs` maps the head's path of a prepared input to its name in the cache; on the node
    `head` the inputs are at those paths. Each slot has a subfolder of its name in the scratch
    folder.
    """

    sweep: RemoteFolder
    cache: RemoteFolder
    folder: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    head: str = ""
    slot: str = ""

    def of(self, slot: str) -> SlotStorage:
        """A copy for this slot."""
        return replace(self, slot=slot)

    @property
    def place(self) -> Path:
        """The slot's own scratch folder on this node."""
        name = hashlib.sha256(str(self.sweep).encode()).hexdigest()[:16]
        return scratch() / "sweeps" / name / self.slot

    def local(self, folder: Path) -> Path:
        """The slot's working folder for a job's `folder`."""
        return self.place / folder.relative_to(self.folder)

    def remote(self, path: Path) -> RemoteFolder:
        """The location on the storage of the local `path`."""
        return self.sweep / str(path.relative_to(self.place))

    def unseen(self) -> str | None:
        """Why this node cannot use the storage, after all patience; None if it can."""
        try:
            self.sweep.read("sweep.json")
        except FileNotFoundError:
            return None  # it answers
        except StorageError as error:
            return f"{socket.gethostname()} cannot use {error}"
        return None

    def push(self, path: Path) -> None:
        """Upload a file, or a folder so that it appears whole or not at all."""
        if path.is_dir():
            sealed.push_whole(path, self.remote(path))
        else:
            self.remote(path.parent).push(path, path.name)

    def pull(self, folder: Path) -> None:
        """Download a folder, if it is on the storage."""
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(NotWholeError):
            sealed.pull_whole(self.remote(folder), folder)

    def clear(self) -> None:
        """Empty the slot's scratch folder, but upload the stacks of processes that hung there."""
        for file in self.place.rglob("hang-rank*.txt"):
            if file.stat().st_size:
                with suppress(StorageError):  # nobody to tell, and nothing depends on it
                    self.push(file)
        shutil.rmtree(self.place, ignore_errors=True)

    def drop(self, folder: Path) -> None:
        """Delete a job's files on this node, once they are uploaded."""
        shutil.rmtree(folder, ignore_errors=True)

    def at_hand(self, inputs: Inputs, node: str) -> Inputs:
        """The inputs under this node's paths; downloads them once."""
        if node == self.head:
            return inputs
        if not self.inputs and (unseen := inputs.unseen()):
            why = f"{unseen}; resume the sweep to copy it to all nodes of the cluster"
            raise StorageError(str(self.cache), why)
        moved = inputs.moved({path: str(self._here(name)) for path, name in self.inputs.items()})
        return replace(moved, judgements=scratch() / "judgements")

    def _here(self, name: str) -> Path:
        folder = scratch() / "cache" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f".{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another slot of this node may be downloading it
            if not folder.is_dir():
                try:
                    sealed.pull_whole(self.cache / name, folder)
                except NotWholeError as error:
                    raise StorageError(str(self.cache / name), str(error)) from error
        return folder


def stored_inputs(inputs: Inputs, cache: RemoteFolder) -> dict[str, str]:
    """Upload the inputs that are local folders to the cache; path -> name there."""
    names = {}
    for path in inputs.folders():
        names[path] = name = _fingerprint(Path(path))
        there = cache / name
        if not sealed.is_whole(there):
            # Not `push_whole`, which hides it meanwhile: another sweep may just have uploaded the
            # same, and its slots fetch it.
            sealed.seal(there, sealed.upload(Path(path), there))
    return names


def scratch() -> Path:
    """This node's folder for replaceable files: $SWEEP_SCRATCH, else ~/.cache/winnow."""
    given = os.environ.get("SWEEP_SCRATCH")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(given) if given else Path(base) / "winnow").expanduser().absolute()


def _fingerprint(folder: Path) -> str:
    """A hash of all file contents: a partial one could miss another model or other data."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(folder)}\0".encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]
