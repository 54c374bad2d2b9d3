"""A file's bytes, unpacked, or a DataError that names what was saved instead of the data."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from trainables.core.data_error import DataError

PACKED = ".gz"

_GZIP_MAGIC = b"\x1f\x8b"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_HTML_STARTS = (b"<!doctype html", b"<html")
_OTHER_KINDS = {
    b"PK\x03\x04": ("a ZIP archive (as are .xlsx files)", "unpack it, or save it as .csv"),
    b"PAR1": ("a Parquet file", "rename it to .parquet"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it"),
    b"BZh": ("packed with bzip2", "unpack it"),
    b"\xfd7zXZ": ("packed with xz", "unpack it"),
    b"%PDF-": ("a PDF", "extract its text"),
    _GZIP_MAGIC: ("packed twice", "unpack it once"),
}

ROOM = 64 * 2**20
"""Unpacked size in bytes that is always allowed."""

MOST_GROWTH = 100
"""Maximum ratio of unpacked to packed size above that; text packs to a tenth."""

_CHUNK = 2**20


def inner_suffix(path: Path) -> str:
    """The suffix in lower case; for a packed file, the inner one."""
    inner = path.with_suffix("") if path.suffix.lower() == PACKED else path
    return inner.suffix.lower()


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked; DataError if it is missing, empty or invalid."""
    if not path.exists():
        raise DataError(f"{path} does not exist (looked from {Path.cwd()}); correct the path")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file; use a file that can be read twice")
    raw = path.read_bytes()
    if not raw:
        raise DataError(f"{path} is empty (0 bytes); download or write it again")
    packed = path.suffix.lower() == PACKED or raw.startswith(_GZIP_MAGIC)
    if packed and not raw.startswith(_LFS_POINTER):
        raw = b"".join(_unpacked(path, raw))
    _check_kind(path, raw)
    return raw


def _check_kind(path: Path, raw: bytes) -> None:
    if raw.startswith(_LFS_POINTER):
        raise DataError(f"{path} is a Git LFS pointer, not the data itself; run `git lfs pull`")
    if raw[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_HTML_STARTS):
        raise DataError(f"{path} is an HTML page; download the raw file instead")
    for magic, (kind, way_out) in _OTHER_KINDS.items():
        if raw.startswith(magic) and inner_suffix(path) != ".parquet":
            raise DataError(f"{path} is {kind}, despite its name; {way_out}")


def _unpacked(path: Path, raw: bytes) -> Iterator[bytes]:
    """Unpacked parts, while their size stays in proportion to the packed bytes read."""
    packed, size = io.BytesIO(raw), 0
    try:
        with gzip.GzipFile(fileobj=packed) as file:
            while part := file.read(_CHUNK):
                yield part
                size += len(part)
                _check_growth(path, size, packed.tell())
    except gzip.BadGzipFile as error:
        raise DataError(
            f"{path} is not a gzip file ({error}); "
            f"remove {PACKED} from its name if it is not packed"
        ) from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is a broken gzip file ({error}); download it again") from error


def _check_growth(path: Path, size: int, packed: int) -> None:
    if size > max(ROOM, MOST_GROWTH * packed):
        raise DataError(
            f"{path} grows from {packed:,} bytes to more than {size - 1:,}, too much for text; "
            "unpack it yourself if you trust it"
        )
