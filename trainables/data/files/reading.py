"""From one origin to its records, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainables.data.files.columns import renamed
from trainables.data.files.decoding import UTF8, read_text
from trainables.data.files.delimited import csv_rows, is_tsv, tsv_rows, with_numbers
from trainables.data.files.documents import document_rows
from trainables.data.files.json_rows import json_rows
from trainables.data.files.origin import Kind, Origin
from trainables.data.files.row import Rows, Sieve
from trainables.data.files.tables import hub_rows, parquet_rows, saved_rows


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are read: `columns` and `encoding` as in the data section.

    A text file is a TSV for the objective `classification` where each of its lines has one tab.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict)
    objective: str = "sft"
    encoding: str = UTF8


def read(origin: Origin, manner: Manner | None = None, sieve: Sieve | None = None) -> Rows:
    """All records, their fields named as `manner.columns` says.

    DataError, with the place, where the file cannot be read. A row that cannot be goes into
    `sieve`, which by default makes it an error as well.
    """
    manner, sieve = manner or Manner(), sieve or Sieve()
    delimited = origin.kind in (Kind.CSV, Kind.TSV) or _is_labelled_text(origin, manner)
    found = (_delimited if delimited else _read)(origin, manner, sieve)
    rows = renamed(found.rows, manner.columns, origin.path)
    notes = tuple(f"{origin.name}: {note}" for note in found.notes)
    return Rows(tuple(with_numbers(rows) if delimited else rows), notes)


def _is_labelled_text(origin: Origin, manner: Manner) -> bool:
    is_text = origin.kind is Kind.TEXT and manner.objective == "classification"
    return is_text and is_tsv(read_text(origin.path, manner.encoding))


def _delimited(origin: Origin, manner: Manner, sieve: Sieve) -> Rows:
    rows = csv_rows if origin.kind is Kind.CSV else tsv_rows
    return rows(origin.path, manner.columns, manner.encoding, sieve)


def _read(origin: Origin, manner: Manner, sieve: Sieve) -> Rows:
    match origin.kind:
        case Kind.PARQUET:
            return Rows(tuple(parquet_rows(origin.path)))
        case Kind.TEXT:
            return Rows(tuple(document_rows(origin.path, manner.encoding)))
        case Kind.SAVED:
            return saved_rows(origin.path)
        case Kind.HUB:
            return Rows(tuple(hub_rows(origin.name)))
        case _:
            return Rows(tuple(json_rows(origin.path, manner.encoding, sieve)))
