"""Meaning of a name in the `data` section: files, a saved data set, or one on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from trainables.core.data_error import DataError
from trainables.data.files.content import PACKED, inner_suffix
from trainables.data.files.hub_name import HUB_NAME


class Kind(StrEnum):
    """Reading method of an origin."""

    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    TEXT = "text"
    SAVED = "saved data set"
    HUB = "hub data set"


SUFFIXES = {
    ".json": Kind.JSON,
    ".jsonl": Kind.JSON,
    ".ndjson": Kind.JSON,
    ".csv": Kind.CSV,
    ".tsv": Kind.TSV,
    ".parquet": Kind.PARQUET,
    ".txt": Kind.TEXT,
}
"""The known kinds of files, plain or gzipped (rows.jsonl.gz)."""

_DESCRIPTIONS = frozenset({"dataset_info.json", "dataset_infos.json"})
"""Files beside the data that describe it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One file, saved data set or data set on the hub; notes call it `name`."""

    name: str
    kind: Kind
    path: Path

    def identity(self) -> tuple[str, str]:
        """Its name and a hash of its content."""
        if self.kind is Kind.HUB:
            from trainables.data.files.tables import load_from_hub

            return self.name, str(load_from_hub(self.name)._fingerprint)
        files = [self.path] if self.kind is not Kind.SAVED else _all_files(self.path)
        digest = hashlib.sha256()
        for file in files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return self.name, digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins behind one name, and notes for the user about unread files."""

    origins: tuple[Origin, ...]
    notes: tuple[str, ...] = ()


def find(name: str, further: Mapping[str, Kind] = MappingProxyType({})) -> Origins:
    """The files behind `name`; DataError if none exists or a format is unknown.

    `further` are suffixes that are known as well.
    """
    known = {**SUFFIXES, **further}
    path = _path(name)
    if path.is_dir():
        return _in_folder(path, known)
    if not path.exists() and is_hub_name(name):
        return Origins((Origin(name, Kind.HUB, path),))
    kind = known.get(inner_suffix(path))
    if kind is None and (path.suffix or path.exists()):
        raise DataError(
            f"{path}: {path.suffix or 'no'} suffix is not supported; convert it to "
            f"{_suffixes(known)}"
        )
    if kind is None or not path.exists():
        raise DataError(f"{path} does not exist (looked from {Path.cwd()}); correct the path")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file; use a file that can be read twice")
    return Origins((Origin(path.name, kind, path),))


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise DataError(f"{name}: {error}; write the whole path") from error


def is_hub_name(name: str) -> bool:
    """Whether a name, not a local path, has the hub's form org/name:config@split."""
    return bool(HUB_NAME.fullmatch(name)) and inner_suffix(Path(name)) not in SUFFIXES


def _in_folder(folder: Path, known: Mapping[str, Kind]) -> Origins:
    if _is_saved(folder):
        return Origins((Origin(folder.name, Kind.SAVED, folder),))
    found: list[Origin] = []
    unread: list[str] = []
    for file in _visible_files(folder):
        kind = known.get(inner_suffix(file))
        if kind is None or file.name in _DESCRIPTIONS:
            unread.append(str(file.relative_to(folder)))
        else:
            found.append(Origin(str(file.relative_to(folder.parent)), kind, file))
    if not found:
        raise DataError(
            f"{folder} is a folder without data files ({_suffixes(known)}); name another"
        )
    return Origins(tuple(found), _unread_note(folder, unread))


def _is_saved(folder: Path) -> bool:
    """Whether the folder comes from `save_to_disk` of the `datasets` library."""
    one = all((folder / name).is_file() for name in ("state.json", "dataset_info.json"))
    return one or (folder / "dataset_dict.json").is_file()


def _visible_files(folder: Path) -> list[Path]:
    return [
        file
        for file in _all_files(folder)
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def _all_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _unread_note(folder: Path, unread: list[str]) -> tuple[str, ...]:
    if not unread:
        return ()
    more = f" and {len(unread) - 5} more" if len(unread) > 5 else ""
    return (f"{folder.name}: files not read: {', '.join(unread[:5])}{more}",)


def _suffixes(known: Iterable[str]) -> str:
    return f"{', '.join(known)}, or one of these with {PACKED}"
