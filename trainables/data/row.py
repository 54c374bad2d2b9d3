"""One record as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A record and where it stands ("chats.jsonl line 3"); lines and rows count from 1."""

    where: str
    value: Any


@dataclass(frozen=True, slots=True)
class Rows:
    """All records of one file, and what its owner should know about how they were read."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
