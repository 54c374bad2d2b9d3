"""From one origin of any kind to its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainables.data.files.columns import in_small_letters, renamed
from trainables.data.files.decoding import UTF8, read_text
from trainables.data.files.delimited import csv_rows, is_tsv, tsv_rows, with_numbers
from trainables.data.files.documents import document_rows
from trainables.data.files.dotted import dotted_roots, with_dotted
from trainables.data.files.json_rows import json_rows
from trainables.data.files.origin import Kind, Origin
from trainables.data.files.positions import with_positions
from trainables.data.files.row import Rows
from trainables.data.files.sieve import Sieve
from trainables.data.files.tables import hub_rows, parquet_rows, saved_rows


@dataclass(frozen=True, slots=True)
class Manner:
    """Settings for reading files: `columns` and `encoding` as in the data section.

    For the objective `classification`, a text file with one tab in each line is a TSV.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict)
    objective: str = "sft"
    encoding: str = UTF8


def read(origin: Origin, manner: Manner | None = None, sieve: Sieve | None = None) -> Rows:
    """All records, with fields named by `manner.columns`.

    DataError, with the place, if the file is unreadable. An unreadable row goes into `sieve`, which
    by default raises an error too.
    """
    manner, sieve = manner or Manner(), sieve or Sieve()
    delimited = origin.kind in (Kind.CSV, Kind.TSV) or _is_labelled_text(origin, manner)
    found = (_delimited if delimited else _read)(origin, manner, sieve)
    if not delimited and not manner.columns:
        found = with_positions(origin.path, found)
    named = in_small_letters(with_dotted(found.rows, manner.columns), manner.columns)
    rows = renamed(named, manner.columns, origin.path)
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
            return json_rows(origin.path, manner.encoding, sieve, dotted_roots(manner.columns))
