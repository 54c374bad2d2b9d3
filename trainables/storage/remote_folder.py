"""A folder on shared storage, by its URI: s3://, gs://, file:// and others that pyarrow supports.

Credentials come from the environment of each process that accesses it, never from the URI.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from search_spaces.problem import UnplacedError
from trainables.core.errors import StorageError

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

T = TypeVar("T")

_CHUNK = 2**22
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_OPENINGS = 99
"""Attempts to open a file while another process may be deleting its folder."""
_LOOKS = 99
"""Attempts to list a folder while another process may be making it."""


@dataclass(frozen=True)
class RemoteFolder:
    """`path` below `uri`. It can be pickled; each process opens its own connection.

    Failures are retried for `patience` seconds, then raised as StorageError. A missing file raises
    FileNotFoundError at once.
    """

    uri: str
    path: str = ""
    patience: float = 0.0

    def __truediv__(self, name: str) -> RemoteFolder:
        return replace(self, path=f"{self.path}/{name}".strip("/"))

    def __str__(self) -> str:
        """The address, without the settings in a URI's query."""
        return f"{self.uri.partition('?')[0].rstrip('/')}/{self.path}".rstrip("/")

    def push(self, file: Path, name: str, wanted: Callable[[], bool] = lambda: True) -> None:
        """Upload a file. Others see the whole file, or the previous one.

        StorageError if it becomes unwanted during the upload; an object store may keep the part
        uploaded until then.
        """

        def upload() -> None:
            with file.open("rb") as source, self._sink(name) as sink:
                while chunk := source.read(_CHUNK):
                    if not wanted():
                        raise InterruptedError("no longer wanted")
                    sink.write(chunk)

        self._patiently(upload, wanted)

    def write(self, name: str, content: bytes) -> None:
        """Upload bytes as a file."""

        def upload() -> None:
            with self._sink(name) as sink:
                sink.write(content)

        self._patiently(upload)

    def pull(self, name: str, file: Path) -> None:
        """Download a file to `file`, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}.part")

        def download() -> None:
            with self._source(name) as source, draft.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)

        try:
            self._patiently(download)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The content of a small file."""

        def download() -> bytes:
            with self._source(name) as source:
                return bytes(source.read())

        return self._patiently(download)

    def sizes(self) -> dict[str, int]:
        """All files below, name -> bytes; empty if there is no such folder."""

        def look() -> dict[str, int]:
            from pyarrow.fs import FileType

            system, root = self._root()
            files = (info for info in _below(system, root) if info.type == FileType.File)
            return {info.path[len(root) :].lstrip("/"): int(info.size) for info in files}

        return self._patiently(look)

    def delete(self, name: str = "") -> None:
        """Delete a file, or without a name the whole folder; a missing one is not an error."""

        def remove() -> None:
            system, root = self._root()
            with suppress(FileNotFoundError):
                if name:
                    system.delete_file(_join(root, name))
                else:
                    system.delete_dir(root)

        self._patiently(remove)

    def _sink(self, name: str) -> AbstractContextManager[BinaryIO]:
        system, root = self._root()
        target = _join(root, name)
        return _Draft(system, target) if _is_disk(system) else system.open_output_stream(target)

    def _source(self, name: str) -> AbstractContextManager[BinaryIO]:
        system, root = self._root()
        source: AbstractContextManager[BinaryIO] = system.open_input_stream(_join(root, name))
        return source

    def _root(self) -> tuple[FileSystem, str]:
        system, base = _connected(self.uri)
        return system, _join(base, self.path)

    def _patiently(self, action: Callable[[], T], wanted: Callable[[], bool] = lambda: True) -> T:
        began = time.monotonic()
        for pause in _pauses():
            try:
                return action()
            except FileNotFoundError:
                raise
            except OSError as error:
                if time.monotonic() - began + pause > self.patience or not wanted():
                    raise StorageError(str(self), _first_line(error)) from error
            time.sleep(pause)
        raise AssertionError("pauses never end")


def _below(system: FileSystem, root: str) -> list[FileInfo]:
    """All that is below a folder. On a disk, one that is made at this very moment is an error to
    pyarrow: missing at the first look, there at the second."""
    from pyarrow.fs import FileSelector

    selector = FileSelector(root, recursive=True, allow_not_found=True)
    for _ in range(_LOOKS):
        with suppress(FileNotFoundError):
            found: list[FileInfo] = system.get_file_info(selector)
            return found
    raise OSError("its folders are made and deleted faster than they can be listed")


class _Draft:
    """A file on a disk that appears only when whole; object stores do that by themselves.

    Another process may delete its folder at any moment. As on an object store, the file is then
    either written or deleted with the rest.
    """

    def __init__(self, system: FileSystem, target: str) -> None:
        self._system = system
        self._target = Path(target)
        self._draft = self._target.with_name(f".{self._target.name}.{uuid.uuid4().hex}.part")

    def __enter__(self) -> BinaryIO:
        for _ in range(_OPENINGS):
            with suppress(FileNotFoundError):
                self._system.create_dir(str(self._target.parent), recursive=True)
                self._file = self._draft.open("wb")
                return self._file
        raise OSError(f"cannot create a file in {self._target.parent}")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                with suppress(FileNotFoundError):
                    self._draft.replace(self._target)
        finally:
            self._draft.unlink(missing_ok=True)


def check_address(uri: str) -> str:
    """The same address; UnplacedError if its form is wrong. Makes no connection."""
    if uri.startswith("/"):
        return uri
    scheme, separator, rest = uri.partition("://")
    if not separator:
        raise _not_an_address(f"{uri!r} must be a URI or an absolute path")
    if scheme not in _SCHEMES and not scheme.startswith("fsspec+"):
        raise _not_an_address(f"{scheme}:// is not supported; use one of {', '.join(_SCHEMES)}")
    if rest.startswith("/") != (scheme == "file") or not rest.strip("/"):
        raise _not_an_address(f"{uri!r} names no {'folder' if scheme == 'file' else 'bucket'}")
    return uri


def _not_an_address(message: str) -> UnplacedError:
    return UnplacedError(message, "write s3://BUCKET/FOLDER, or the absolute path of a folder")


_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs", "file")


@lru_cache
def _connected(uri: str) -> tuple[FileSystem, str]:
    from pyarrow.fs import FileSystem

    try:
        system, base = FileSystem.from_uri(uri)
    except ValueError as error:
        raise StorageError(uri.partition("?")[0], _first_line(error)) from error
    return system, base.rstrip("/")


def _is_disk(system: FileSystem) -> bool:
    return bool(system.type_name == "local")


def _join(root: str, name: str) -> str:
    return f"{root}/{name}".rstrip("/") if root else name


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _pauses() -> Iterator[float]:
    pause = _SHORTEST_PAUSE
    while True:
        yield min(pause, _LONGEST_PAUSE)
        pause *= 2
