"""Folders on shared storage that are whole or not there: their manifest is uploaded last."""

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
"""Of each file, by its name in the folder: its size in bytes and its CRC-32."""

_CHUNK = 2**22


class NotWholeError(ValueError):
    """A folder without a manifest, or a file that is not as the manifest says."""


def push_whole(folder: Path, remote: RemoteFolder) -> None:
    """Replace `remote` by what is in `folder`; until all of it is there, nothing is."""
    unseal(remote)
    seal(remote, upload(folder, remote))


def pull_whole(remote: RemoteFolder, folder: Path) -> None:
    """Make `folder` what `remote` is, in one step; NotWholeError where that is not whole.

    Where several do so at once they do not disturb each other.
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
    """Upload all files of `folder`, which nothing vouches for yet.

    StorageError where they are no longer wanted before all of them are there.
    """
    sums = sums_of(folder)
    for name in sums:
        remote.push(folder / name, name, wanted)
    return sums


def seal(remote: RemoteFolder, files: Sums, **more: object) -> None:
    """Vouch for the files; `more` is kept beside their sums."""
    remote.write(MANIFEST, json.dumps({**more, "files": files}, indent=1).encode())


def unseal(remote: RemoteFolder) -> None:
    """Vouch for nothing any more."""
    remote.delete(MANIFEST)


def drop(remote: RemoteFolder) -> None:
    """Delete the folder; what is left of it where that breaks off is not whole."""
    unseal(remote)
    remote.delete()


def is_whole(remote: RemoteFolder) -> bool:
    """Whether something vouches for the folder; its files are not looked at."""
    try:
        manifest(remote)
    except NotWholeError:
        return False
    return True


def manifest(remote: RemoteFolder) -> dict[str, JsonValue]:
    """The sums under "files", and what else was sealed with them."""
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
    """The sums of all files of a local folder, without those of a manifest."""
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
