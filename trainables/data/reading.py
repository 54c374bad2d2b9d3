"""From one origin to its records, whatever kind of file it is."""

from __future__ import annotations

from trainables.data.columns import Columns, renamed
from trainables.data.content import read_text
from trainables.data.delimited import csv_rows, is_tsv, tsv_rows, with_numbers
from trainables.data.documents import document_rows
from trainables.data.json_rows import json_rows
from trainables.data.origin import Kind, Origin
from trainables.data.row import Rows
from trainables.data.tables import hub_rows, parquet_rows, saved_rows


def read(origin: Origin, columns: Columns | None = None, objective: str = "sft") -> Rows:
    """All records, their fields named as `columns` says; DataError, with the place, where one
    cannot be read.

    A text file is a TSV for `classification` where each of its lines has one tab.
    """
    columns = columns or {}
    delimited = origin.kind in (Kind.CSV, Kind.TSV) or _is_labelled_text(origin, objective)
    found = _delimited(origin, columns) if delimited else _read(origin)
    rows = renamed(found.rows, columns, origin.path)
    notes = tuple(f"{origin.name}: {note}" for note in found.notes)
    return Rows(tuple(with_numbers(rows) if delimited else rows), notes)


def _is_labelled_text(origin: Origin, objective: str) -> bool:
    is_text = origin.kind is Kind.TEXT and objective == "classification"
    return is_text and is_tsv(read_text(origin.path))


def _delimited(origin: Origin, columns: Columns) -> Rows:
    return (csv_rows if origin.kind is Kind.CSV else tsv_rows)(origin.path, columns)


def _read(origin: Origin) -> Rows:
    match origin.kind:
        case Kind.PARQUET:
            return Rows(tuple(parquet_rows(origin.path)))
        case Kind.TEXT:
            return Rows(tuple(document_rows(origin.path)))
        case Kind.SAVED:
            return saved_rows(origin.path)
        case Kind.HUB:
            return Rows(tuple(hub_rows(origin.name)))
        case _:
            return Rows(tuple(json_rows(origin.path)))
