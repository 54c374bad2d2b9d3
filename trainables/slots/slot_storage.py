"""Where slots leave files when nodes share no folder: on storage that all of them reach by a URI.

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
"""Seconds that a slot waits for a store that is away, well below any timeout of the collectives in
which the other ranks are waiting for it."""


@dataclass(frozen=True)
class SlotStorage:
    """What slots know of their sweep's storage; can be pickled.

    `sweep` is there what `folder` is on the head's disk, and `cache` what all sweeps share.
    `inputs` tells by the head's path where a prepared input lies in the cache; on the node `head`
    they lie under those paths. Each slot has its own place in the scratch folder, by its name.
    """

    sweep: RemoteFolder
    cache: RemoteFolder
    folder: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    head: str = ""
    slot: str = ""

    def of(self, slot: str) -> SlotStorage:
        """The same, as this slot uses it."""
        return replace(self, slot=slot)

    @property
    def place(self) -> Path:
        """The slot's own scratch folder on this node."""
        name = hashlib.sha256(str(self.sweep).encode()).hexdigest()[:16]
        return scratch() / "sweeps" / name / self.slot

    def local(self, folder: Path) -> Path:
        """Where a slot works that is given a job's `folder`."""
        return self.place / folder.relative_to(self.folder)

    def remote(self, path: Path) -> RemoteFolder:
        """Where that which lies here under `path` lies on the storage."""
        return self.sweep / str(path.relative_to(self.place))

    def unseen(self) -> str | None:
        """Why this node cannot use the storage, after all patience; None where it can."""
        try:
            self.sweep.read("sweep.json")
        except FileNotFoundError:
            return None  # it answers
        except StorageError as error:
            return f"{socket.gethostname()} cannot use {error}"
        return None

    def push(self, path: Path) -> None:
        """Upload a file, or a folder so that it is there whole or not at all."""
        if path.is_dir():
            sealed.push_whole(path, self.remote(path))
        else:
            self.remote(path.parent).push(path, path.name)

    def pull(self, folder: Path) -> None:
        """Bring a folder here, if it is on the storage."""
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(NotWholeError):
            sealed.pull_whole(self.remote(folder), folder)

    def clear(self) -> None:
        """Empty the slot's scratch folder, but keep what a process wrote that was ended there."""
        for file in self.place.rglob("hang-rank*.txt"):
            if file.stat().st_size:
                with suppress(StorageError):  # nobody can be told, and nothing depends on it
                    self.push(file)
        shutil.rmtree(self.place, ignore_errors=True)

    def at_hand(self, inputs: Inputs, node: str) -> Inputs:
        """The inputs under paths of this node, to which they are brought once."""
        if node == self.head:
            return inputs
        if not self.inputs and (unseen := inputs.unseen()):
            why = f"{unseen}; resume the sweep to copy it to all nodes of the cluster"
            raise StorageError(str(self.cache), why)
        return inputs.moved({path: str(self._here(name)) for path, name in self.inputs.items()})

    def _here(self, name: str) -> Path:
        folder = scratch() / "cache" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f".{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another slot of this node may be at it
            if not folder.is_dir():
                try:
                    sealed.pull_whole(self.cache / name, folder)
                except NotWholeError as error:
                    raise StorageError(str(self.cache / name), str(error)) from error
        return folder


def stored_inputs(inputs: Inputs, cache: RemoteFolder) -> dict[str, str]:
    """Put the inputs that are local folders into the cache; path -> name there."""
    names = {}
    for path in inputs.folders():
        names[path] = name = _fingerprint(Path(path))
        if not sealed.is_whole(cache / name):
            sealed.push_whole(Path(path), cache / name)
    return names


def scratch() -> Path:
    """This node's folder for what can be had again: $SWEEP_SCRATCH, else ~/.cache/winnow."""
    given = os.environ.get("SWEEP_SCRATCH")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(given) if given else Path(base) / "winnow").expanduser().absolute()


def _fingerprint(folder: Path) -> str:
    """By what is in the files, all of it: another model or other data would go unnoticed."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(folder)}\0".encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]
