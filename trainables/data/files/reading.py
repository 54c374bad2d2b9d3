"""From one origin of any kind to its records."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainables.config.data import Column
from trainables.data.files.columns import Columns, in_small_letters, renamed
from trainables.data.files.decoding import UTF8, read_text
from trainables.data.files.delimited import csv_rows, is_tsv, tsv_rows, with_numbers
from trainables.data.files.documents import document_rows
from trainables.data.files.dotted import dotted_roots, with_dotted
from trainables.data.files.json_rows import json_rows
from trainables.data.files.label_lists import with_lists
from trainables.data.files.origin import Kind, Origin
from trainables.data.files.positions import with_positions
from trainables.data.files.row import Rows
from trainables.data.files.sieve import Sieve
from trainables.data.files.tables import hub_rows, parquet_rows, saved_rows
from trainables.data.files.text_pairs import with_pair


@dataclass(frozen=True, slots=True)
class Manner:
    """Settings for reading files: `columns` and `encoding` as in the data section.

    For the objective `classification`, a text file with one tab in each line is a TSV, columns
    with the names of a known pair are a pair of texts, and a label may be several.
    """

    columns: Columns = field(default_factory=dict)
    objective: str = "sft"
    encoding: str = UTF8
    delimiter: str | None = None


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
    plain = in_small_letters(with_dotted(found.rows, manner.columns), manner.columns)
    labelled = manner.objective == "classification"
    columns = with_pair(plain, manner.columns) if labelled else manner.columns
    renamed_rows = renamed(plain, columns, origin.path)
    rows = with_numbers(renamed_rows) if delimited else renamed_rows
    pair = [] if columns == manner.columns else [_pair_note(columns["text"])]
    notes = tuple(f"{origin.name}: {note}" for note in (*found.notes, *pair))
    return Rows(tuple(with_lists(rows, manner.delimiter) if labelled else rows), notes)


def _pair_note(columns: Column) -> str:
    assert isinstance(columns, tuple), "a pair was found"
    first, second = columns
    return f"{first} and {second} are read as a pair of texts"


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
