"""All records of one file, in one format chosen for the objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from trainables.config.roles import ALIASES, NAMED_ONLY
from trainables.core.data_error import DataError, listing, printable, shown
from trainables.data.files.origin import Origin
from trainables.data.files.row import Row
from trainables.data.files.sieve import BadRow, Sieve, sifted
from trainables.data.records import chats, fields
from trainables.data.records.conversation import Conversation, untrained
from trainables.data.records.formats import (
    FORMATS,
    LENIENT,
    Format,
    Gives,
    column_of,
    fitting,
    objectives_for,
)
from trainables.data.records.order import in_order, joined
from trainables.data.records.place import Place
from trainables.data.records.records import Document, Judged, Labelled, Pair, Rated, Record
from trainables.data.records.tools import tools_of
from trainables.data.records.turns import SPEAKERS
from trainables.data.records.useful import check_useful

_MAY_COME_LATE = frozenset({"weight", *LENIENT}).union(*(ALIASES[role] for role in LENIENT))


@dataclass(frozen=True, slots=True)
class RecordFile:
    """The records of a file, the rows left out and the unread fields.

    `adjusted` are the places of the rows read with an allowance, by what was allowed.
    """

    name: str
    format: Format
    records: tuple[Record, ...]
    unread_fields: tuple[str, ...] = ()
    bad: tuple[BadRow, ...] = ()
    adjusted: Mapping[str, Sequence[str]] = field(default_factory=dict)


def records_of(
    origin: Origin,
    rows: Sequence[Row],
    reader: str,
    reads: Sequence[Gives],
    sieve: Sieve | None = None,
    named: Collection[str] = (),
    keeps_unread: bool = False,
) -> RecordFile:
    """Every row as a record of the first fitting kind that `reader` reads.

    `named` are the roles that data.columns names. If `keeps_unread`, chats hold the columns that
    are no part of them.

    DataError, with file and row, if a row does not fit or is useless for training, unless `sieve`
    leaves such rows out.
    """
    sieve = sieve or Sieve()
    objects = list(sifted(rows, _with_fields, sieve))
    sieve.check_left(origin.path, len(objects))
    typical = _typical(objects, reads) if sieve.skips else objects[0]
    fields_ = {**_late_fields(objects), **typical.fields}
    format_ = _chosen(origin, Row(typical.where, fields_), reader, reads)
    columns = _columns(format_, fields_, objects, named)
    adjusted: dict[str, list[str]] = {}
    make = partial(_made, format_, columns, adjusted, keeps_unread, Gives.PROMPT in reads)
    records = tuple(sifted(objects, make, sieve))
    sieve.check_few(len(records) + len(sieve.bad))
    sieve.check_left(origin.path, len(records))
    unread = _unread_fields(objects, columns)
    bad = sorted(sieve.bad, key=lambda row: row.number)
    return RecordFile(origin.name, format_, records, unread, tuple(bad), adjusted)


def _columns(
    format_: Format, typical: Mapping[str, object], rows: Sequence[Row], named: Collection[str]
) -> Mapping[str, str]:
    """The names of the format's fields; optional ones may be missing from a typical row."""
    columns = format_.columns(typical) or {}
    everything = {name: None for row in rows for name in row.fields}
    late = {role: column_of(role, everything) for role in format_.optional if role not in columns}
    taken = set(columns.values())
    asks = format_.gives in (Gives.CHAT, Gives.PROMPT)
    own = {role: role for role in NAMED_ONLY if role in named and asks}
    free = {role: name for role, name in late.items() if name and name not in taken}
    return {**columns, **free, **own}


def _made(
    format_: Format,
    columns: Mapping[str, str],
    adjusted: dict[str, list[str]],
    keeps_unread: bool,
    asks: bool,
    row: Row,
) -> Record:
    """The row as a record; DataError if it is invalid or useless for training.

    The allowances made in reading it are added to `adjusted`. If the objective `asks`, a chat
    without an answer is a prompt.
    """
    _check_same_format(row, format_, columns)
    by_role, where = _by_role(row, columns), Place(row.where)
    record = _MAKERS[format_.gives](format_, by_role, where)
    if asks and isinstance(record, Conversation):
        record = record.asked()
    check_useful(record, by_role, asks)
    for allowed in where.allowances:
        adjusted.setdefault(allowed, []).append(row.where)
    if not keeps_unread or not isinstance(record, Conversation):
        return record
    read = {*columns.values()}
    unread = {str(name): value for name, value in row.fields.items() if name not in read}
    return replace(record, unread=unread)


def _with_fields(row: Row) -> Row:
    """The row as an object; bare turns, in a list or in parallel lists, become its messages."""
    if isinstance(row.value, list):
        return Row(row.where, {"messages": row.value})
    if isinstance(row.value, dict) and (turns := _parallel(row.value)):
        rest = {name: value for name, value in row.value.items() if name not in turns}
        return Row(row.where, {"messages": turns, **rest})
    if not isinstance(row.value, dict):
        raise DataError(
            f"{row.where} is {shown(row.value)}; a record is an object with fields",
            "no record",
        )
    return row


def _parallel(record: Mapping[str, object]) -> dict[str, object]:
    """The fields of turns that a record holds as parallel lists; empty if it does not."""
    for speaker, said in SPEAKERS.items():
        if isinstance(record.get(speaker), list) and isinstance(record.get(said), list):
            return {speaker: record[speaker], said: record[said]}
    return {}


def _late_fields(rows: Sequence[Row]) -> dict[str, object]:
    """Labels, rewards and weights of later records, which the first record may lack."""
    return {name: None for row in rows for name in row.fields if name in _MAY_COME_LATE}


def _typical(rows: Sequence[Row], reads: Sequence[Gives]) -> Row:
    """The first row of a kind in `reads`, else the first of a known format, else the first."""
    late = _late_fields(rows)
    known = ((row, fitting({**late, **row.fields})) for row in rows)
    some = [(row, formats) for row, formats in known if formats]
    read = (row for row, formats in some if any(each.gives in reads for each in formats))
    return next(read, some[0][0] if some else rows[0])


def _chosen(origin: Origin, row: Row, reader: str, reads: Sequence[Gives]) -> Format:
    """The format of a file of such rows, of a kind in `reads`."""
    formats = fitting(row.fields)
    for gives in reads:
        for each in formats:
            if each.gives is gives:
                return each
    if not formats:
        raise _unknown(row, reader, reads)
    held = f"{formats[0].gives} ({formats[0].name} records)"
    way_out = f"name a file with {_shown(reads)}"
    if not _is_field(reader):
        others = " or ".join(objectives_for(formats))
        way_out = (
            f"set objective: {others}, or name in data.columns which of its fields "
            f"({listing(row.fields)}) are those of {_shown(reads)}"
        )
    raise DataError(
        f"{origin.path} holds {held}, and {reader} reads {' or '.join(reads)}; {way_out}"
    )


def _is_field(reader: str) -> bool:
    """Whether it reads a file for a field to which data.columns does not apply."""
    return reader.startswith("data.")


def _shown(reads: Sequence[Gives]) -> str:
    return "; ".join(each.shown() for each in FORMATS if each.gives in reads)


def _unknown(row: Row, reader: str, reads: Sequence[Gives]) -> DataError:
    named = "" if _is_field(reader) else ", or name them in data.columns,"
    return DataError(
        f"{row.where} has the fields: {listing(row.fields)}; rename them{named} as one of: "
        f"{_shown(reads)}"
    )


def _check_same_format(row: Row, format_: Format, columns: Mapping[str, str]) -> None:
    foreign = next((name for name in format_.foreign if name in row.fields), None)
    if foreign:
        raise DataError(
            f"{row.where} has the field {foreign}, so its answers are rated or compared; "
            "move such records to a separate file",
            "another format",
        )
    needed = [columns[role] for role in format_.needed if role not in LENIENT]
    missing = next((name for name in needed if name not in row.fields), None)
    if missing is None:
        return
    others = [each for each in fitting(row.fields) if each.gives is not Gives.PROMPT]
    if not others or others[0] is format_:
        raise DataError(
            f"{row.where} has no field {missing}; add it or remove the record "
            f"(it has: {listing(row.fields)})",
            f"no field {missing}",
        )
    raise DataError(
        f"{row.where} is {others[0].name}, but the file began as {format_.name}; split the file",
        "another format",
    )


def _by_role(row: Row, columns: Mapping[str, str]) -> dict[str, object]:
    return {role: row.fields.get(column) for role, column in columns.items()}


def _unread_fields(rows: Sequence[Row], columns: Mapping[str, str]) -> tuple[str, ...]:
    """Unread fields with a value in any row, in order of appearance."""
    found = {name: None for row in rows for name, value in row.fields.items() if value}
    return tuple(printable(str(name)) for name in found if name not in columns.values())


def _chat(format_: Format, row: chats.Fields, where: Place) -> Conversation:
    weight = fields.weight(row.get("weight"), where)
    turns = in_order(chats.CHATS[format_.base](row, where), where)
    others = chats.references(row, where) if format_.gives is Gives.CHAT else ()
    return Conversation(turns, where.where, weight, tools_of(row.get("tools"), where), others)


def _prompt(format_: Format, row: chats.Fields, where: Place) -> Conversation:
    weight = fields.weight(row.get("weight"), where)
    turns = in_order(untrained(chats.ASKED[format_.base](row, where)), where)
    while turns and turns[-1].role == "assistant":
        turns = turns[:-1]
    right = chats.references(row, where)
    return Conversation(turns, where.where, weight, tools_of(row.get("tools"), where), right)


def _document(format_: Format, row: chats.Fields, where: Place) -> Document:
    weight = fields.weight(row.get("weight"), where)
    longest = math.inf if format_.gives is Gives.DOCUMENT else fields.LONGEST
    return Document(fields.text(row["text"], where, "text", longest), where.where, weight)


def _labelled(format_: Format, row: chats.Fields, where: Place) -> Labelled:
    names = ("text",) if "text" in row else ("title", "description")
    parts = (fields.text(row[name], where, name) for name in names)
    written = "\n".join(part for part in parts if part)
    other = fields.text(row["text_pair"], where, "text_pair") if "text_pair" in row else None
    label, weight = fields.label(row["label"], where), fields.weight(row.get("weight"), where)
    return Labelled(written, label, where.where, weight, other)


def _judged(format_: Format, row: chats.Fields, where: Place) -> Judged:
    chat = _chat(format_, row, where).last_answer_only()
    return Judged(chat, fields.judgement(row["label"], where))


def _rated(format_: Format, row: chats.Fields, where: Place) -> Rated:
    if format_.name == "text_reward":
        return Rated(_document(format_, row, where), fields.reward(row["reward"]))
    return Rated(_chat(format_, row, where).last_answer_only(), fields.reward(row["reward"]))


def _pair(format_: Format, row: chats.Fields, where: Place) -> Pair:
    if format_.name == "chosen_messages":
        row = {"chosen": row["chosen_messages"], "rejected": row["rejected_messages"], **row}
    asked = chats.PROMPTS.get(format_.name, chats.no_prompt)(row, where)
    asked, *answers = chats.answered(asked, row["chosen"], row["rejected"], where)
    chosen, rejected = (joined(answer, where) for answer in answers)
    weight = fields.weight(row.get("weight"), where)
    tools = tools_of(row.get("tools"), where)
    return Pair(in_order(asked, where), chosen, rejected, where.where, weight, tools)


_MAKERS: Mapping[Gives, Callable[[Format, chats.Fields, Place], Record]] = {
    Gives.CHAT: _chat,
    Gives.PROMPT: _prompt,
    Gives.DOCUMENT: _document,
    Gives.LABELLED: _labelled,
    Gives.JUDGED: _judged,
    Gives.RATED: _rated,
    Gives.PAIR: _pair,
}
