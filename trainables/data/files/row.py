"""One record as written in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A record and its place ("chats.jsonl line 3"); lines and rows count from 1."""

    where: str
    value: object

    @property
    def fields(self) -> Mapping[str, object]:
        """Its fields, by name. Only for rows known to be objects."""
        assert isinstance(self.value, dict), "a row with fields"
        return self.value


@dataclass(frozen=True, slots=True)
class Rows:
    """All records of one file, and notes for the user about reading them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
