"""A file's bytes and text, unpacked and decoded, or a clear DataError."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from trainables.data.errors import DataError

PACKED = ".gz"

_GZIP_MAGIC = b"\x1f\x8b"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_HTML_STARTS = ("<!doctype html", "<html")


def inner_suffix(path: Path) -> str:
    """The suffix in lower case, that of the packed file where it is packed."""
    inner = path.with_suffix("") if path.suffix.lower() == PACKED else path
    return inner.suffix.lower()


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked; DataError where there are none or they are not the data."""
    if not path.exists():
        raise DataError(f"{path} does not exist (looked from {Path.cwd()}); correct the path")
    raw = path.read_bytes()
    if not raw:
        raise DataError(f"{path} is empty (0 bytes); download or write it again")
    if raw.startswith(_LFS_POINTER):
        raise DataError(f"{path} is a Git LFS pointer, not the data itself; run `git lfs pull`")
    packed = path.suffix.lower() == PACKED or raw.startswith(_GZIP_MAGIC)
    return _unpacked(path, raw) if packed else raw


def read_text(path: Path) -> str:
    """The file's text with plain newlines; DataError where it is no UTF-8 text or holds none."""
    text = _decode(path, read_bytes(path)).replace("\r\n", "\n")
    if not text.strip():
        raise DataError(f"{path} holds nothing but white space; download or write it again")
    if text[:200].lstrip().lower().startswith(_HTML_STARTS):
        raise DataError(f"{path} is an HTML page; download the raw file that the page shows")
    return text


def _unpacked(path: Path, raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except gzip.BadGzipFile as error:
        raise DataError(
            f"{path} is no gzip file ({error}); take {PACKED} off its name if it is not packed"
        ) from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is a broken gzip file ({error}); download it again") from error


def _decode(path: Path, raw: bytes) -> str:
    if raw.startswith(_UTF16_MARKS) or b"\0" in raw[:1000]:
        raise DataError(f"{path} is not UTF-8 but UTF-16 or binary; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"{path} line {line} is not UTF-8 (byte 0x{raw[error.start]:02x})"
        hint = "it looks like GBK: " if _looks_like_gbk(raw) else ""
        encoding = "GB18030" if hint else "ENCODING"
        way_out = f"convert it with `iconv -f {encoding} -t UTF-8`"
        raise DataError(f"{what}; {hint}{way_out}") from error


def _looks_like_gbk(raw: bytes) -> bool:
    """Whether GB18030 reads all of it, and mostly as common Chinese characters."""
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    foreign = [char for char in text if ord(char) > 127]
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in foreign)
    return chinese > 0.7 * len(foreign)
