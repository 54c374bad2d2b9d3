"""From a file to its rows (JSON, JSONL) or its documents (plain text), or to a clear DataError."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.data.errors import DataError

ROW_SUFFIXES = (".json", ".jsonl", ".ndjson")
TEXT_SUFFIXES = (".txt",)
DOCUMENT_SEPARATOR = "<|endoftext|>"

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_HTML_STARTS = ("<!doctype html", "<html")


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it was written, and where ("chats.jsonl line 3"); both count from 1."""

    where: str
    value: Any


def read_rows(path: Path) -> list[Row]:
    """The records of a JSON list or of JSON lines, whichever the file holds; the suffix may lie."""
    text = read_text(path)
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        return _rows_of_lines(path, text, error)
    return _rows_of_value(path, whole)


def read_documents(path: Path) -> list[Row]:
    """The documents of a text file: the parts between `<|endoftext|>`, or the whole file."""
    parts = read_text(path).split(DOCUMENT_SEPARATOR)
    if len(parts) == 1:
        return [Row(str(path), parts[0])]
    texts = [part.strip() for part in parts]
    return [Row(f"{path} document {n}", text) for n, text in enumerate(texts, start=1) if text]


def read_text(path: Path) -> str:
    """The file's text with plain newlines; DataError where it is no UTF-8 text or holds none."""
    raw = read_bytes(path)
    if not raw:
        raise DataError(f"{path} is empty (0 bytes); download or write it again")
    if raw.startswith(_LFS_POINTER):
        raise DataError(f"{path} is a Git LFS pointer, not the data itself; run `git lfs pull`")
    text = _decode(path, raw).replace("\r\n", "\n")
    if not text.strip():
        raise DataError(f"{path} holds nothing but white space; download or write it again")
    if text[:200].lstrip().lower().startswith(_HTML_STARTS):
        raise DataError(f"{path} is an HTML page; download the raw file that the page shows")
    return text


def read_bytes(path: Path) -> bytes:
    """The file's bytes; DataError where there is no such file or its kind is not read."""
    if path.suffix.lower() not in ROW_SUFFIXES + TEXT_SUFFIXES:
        known = ", ".join(ROW_SUFFIXES + TEXT_SUFFIXES)
        raise DataError(f"{path}: {path.suffix or 'no'} suffix is not read; convert it to {known}")
    if not path.exists():
        raise DataError(f"{path} does not exist (looked from {Path.cwd()}); correct data.train")
    if path.is_dir():
        raise DataError(f"{path} is a folder; name the files in it, as a list")
    return path.read_bytes()


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


def _rows_of_value(path: Path, whole: Any) -> list[Row]:
    if isinstance(whole, dict) or _is_one_chat(whole):
        return [Row(f"{path} line 1", whole)]
    if not isinstance(whole, list):
        raise DataError(f"{path} holds one {type(whole).__name__}; a list of records is needed")
    if not whole:
        raise DataError(f"{path} holds an empty list; add records to it")
    return [Row(f"{path} row {number}", value) for number, value in enumerate(whole, start=1)]


def _is_one_chat(value: Any) -> bool:
    """Whether a list is the turns of one chat and not a list of records."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) and "role" in turn for turn in value)
    )


def _rows_of_lines(path: Path, text: str, whole_error: json.JSONDecodeError) -> list[Row]:
    rows: list[Row] = []
    # not splitlines(): JSON strings may hold U+2028 and its like, which are no ends of lines
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(Row(f"{path} line {number}", json.loads(line)))
        except json.JSONDecodeError as error:
            if rows:
                raise _broken(path, text, error, number) from error
            # not even the first line can be read alone: the file is meant as one document
            raise _broken(path, text, whole_error, whole_error.lineno) from error
    return rows


def _broken(path: Path, text: str, error: json.JSONDecodeError, line: int) -> DataError:
    place = f"{path} line {line} column {error.colno}: {error.msg}"
    at_end = line >= text.rstrip().count("\n") + 1
    if at_end and not text.rstrip().endswith(("]", "}")):
        return DataError(f"{place}; the file is cut off there, so download or write it again")
    return DataError(f"{place}; this is not valid JSON, so repair or remove that line")
