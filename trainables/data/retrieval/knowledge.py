"""The texts in which passages are looked up: read from files, and kept beside the sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainables.core.data_error import DataError, about
from trainables.data.files.origin import Kind, Origin, find
from trainables.data.files.reading import Manner, read
from trainables.data.files.sieve import Sieve
from trainables.data.records.formats import Gives
from trainables.data.records.record_file import records_of
from trainables.data.records.records import Document

FOLDER = "knowledge"
"""In the folder of the prepared data."""

FURTHER: Mapping[str, Kind] = {".md": Kind.TEXT, ".rst": Kind.TEXT}
"""Files read as text besides the known kinds."""

_FIELD = "data.knowledge"
_FILE = "texts.json"


def read_texts(names: Sequence[str], encoding: str) -> list[str]:
    """All texts in these files; DataError if a file is none, or all are empty."""
    with about(_FIELD):
        origins = [origin for name in names for origin in find(name, FURTHER).origins]
        # Among others there may be an empty page.
        texts = [text for each in origins if not _is_blank(each) for text in _texts(each, encoding)]
        if not any(text.strip() for text in texts):
            raise DataError(f"{', '.join(names)} has no text; name files or a folder with text")
    return texts


def _texts(origin: Origin, encoding: str) -> list[str]:
    sieve = Sieve()
    rows = read(origin, Manner(encoding=encoding), sieve).rows
    file = records_of(origin, rows, _FIELD, (Gives.DOCUMENT,), sieve)
    return [each.text for each in file.records if isinstance(each, Document)]


def _is_blank(origin: Origin) -> bool:
    return origin.kind is Kind.TEXT and not origin.path.read_bytes().strip()


def write_texts(folder: Path, texts: Sequence[str]) -> None:
    """Write the texts beside the sets."""
    (folder / FOLDER).mkdir()
    written = json.dumps(list(texts), ensure_ascii=False)
    (folder / FOLDER / _FILE).write_text(written, encoding="utf-8")


def load_texts(folder: Path) -> list[str]:
    """The texts in the folder that `write_texts` made."""
    found: list[str] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return found
