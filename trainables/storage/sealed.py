"""Folders on shared storage that appear whole or not at all: their manifest is uploaded last."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import JsonValue

from trainables.core.atomic import publish
from trainables.storage.remote_folder import RemoteFolder

MANIFEST = "manifest.json"

Sums = dict[str, list[int]]
"""By each file's name in the folder: its size in bytes and its CRC-32."""

_CHUNK = 2**22


class NotWholeError(ValueError):
    """A folder without a manifest, or a file that does not match its manifest."""


def push_whole(folder: Path, remote: RemoteFolder) -> None:
    """Replace `remote` by the content of `folder`; it is absent until the upload is complete."""
    unseal(remote)
    seal(remote, upload(folder, remote))


def pull_whole(remote: RemoteFolder, folder: Path) -> None:
    """Make `folder` a copy of `remote`, in one step; NotWholeError if `remote` is not whole.

    Safe for several processes at once.
    """
    known = manifest(remote)["files"]
    assert isinstance(known, dict), "manifest() has looked"

    def fill(draft: Path) -> None:
        for name, known_sum in known.items():
            remote.pull(name, draft / name)
            if sum_of(draft / name) != known_sum:
                raise NotWholeError(f"{remote}/{name} does not match its manifest")

    try:
        publish(folder, fill)
    except FileNotFoundError as error:
        raise NotWholeError(f"{remote} is missing a file: {error}") from error


def upload(folder: Path, remote: RemoteFolder, wanted: Callable[[], bool] = lambda: True) -> Sums:
    """Upload all files of `folder`, without a manifest.

    StorageError if they become unwanted during the upload.
    """
    sums = sums_of(folder)
    for name in sums:
        remote.push(folder / name, name, wanted)
    return sums


def seal(remote: RemoteFolder, files: Sums, **more: object) -> None:
    """Upload the manifest; `more` is stored beside the files' sums."""
    remote.write(MANIFEST, json.dumps({**more, "files": files}, indent=1).encode())


def unseal(remote: RemoteFolder) -> None:
    """Delete the manifest."""
    remote.delete(MANIFEST)


def drop(remote: RemoteFolder) -> None:
    """Delete the folder; if interrupted, the rest of it is not whole."""
    unseal(remote)
    remote.delete()


def is_whole(remote: RemoteFolder) -> bool:
    """Whether the folder has a valid manifest; its files are not checked."""
    try:
        manifest(remote)
    except NotWholeError:
        return False
    return True


def manifest(remote: RemoteFolder) -> dict[str, JsonValue]:
    """The sums under "files", and the other content of the manifest."""
    try:
        read: dict[str, JsonValue] = json.loads(remote.read(MANIFEST))
    except FileNotFoundError as error:
        raise NotWholeError(f"{remote} has no {MANIFEST}") from error
    except ValueError as error:
        raise NotWholeError(f"{remote}/{MANIFEST}: {error}") from error
    if not isinstance(read, dict) or not isinstance(read.get("files"), dict):
        raise NotWholeError(f"{remote}/{MANIFEST} lists no files")
    return read


def sums_of(folder: Path) -> Sums:
    """The sums of all files of a local folder, except its manifest."""
    files = ((str(file.relative_to(folder)), file) for file in _files(folder))
    return {name: sum_of(file) for name, file in files if name != MANIFEST}


def sum_of(path: Path) -> list[int]:
    """A file's size and its CRC-32."""
    size = checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
    return [size, checksum]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
