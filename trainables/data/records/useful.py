"""Errors for well-formed rows that are useless for training, with the rows' values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from trainables.core.data_error import DataError, listing, shown
from trainables.data.records.conversation import Conversation
from trainables.data.records.records import Document, Judged, Pair, Rated, Record


class _Fault(NamedTuple):
    """The fields that may show a fault, and the way out."""

    fields: tuple[str, ...]
    way_out: str


_EMPTY_MARK = re.compile(r"####\s*\Z")

_ANSWERS = ("output", "completion", "chosen", "rejected")

_FAULTS: Mapping[str, _Fault] = {
    "no label": _Fault(("label",), "write its label, or remove the row"),
    "empty text": _Fault(("text",), "write its text, or remove the row"),
    "empty document": _Fault(("text",), "write its text, or remove the row"),
    "no reward": _Fault(("reward",), "write a number, or remove the row"),
    "reward is not a finite number": _Fault(("reward",), "write it as a number, without quotes"),
    "chosen equals rejected": _Fault(
        ("chosen", "chosen_messages"), "correct one, or remove the row"
    ),
    "empty answer": _Fault(_ANSWERS, "write the answer, or remove the row"),
    "empty question": _Fault(("instruction", "prompt"), "write the question, or remove the row"),
    "no answer": _Fault((), "add a turn by the assistant, or remove the row"),
    "begins with an answer": _Fault((), "begin with a turn by the user, or remove the row"),
    "roles out of order": _Fault((), "let user and assistant take turns, or remove the row"),
}


def check_useful(record: Record, fields: Mapping[str, object], asks: bool = False) -> None:
    """DataError if a record made of `fields` is useless for training.

    No error for an empty document, which is harmless, or a chat whose answers all have weight 0,
    which is deliberate.
    """
    reason = record.reason_to_drop() or _marks_nothing(record)
    if asks and reason is None:
        reason = _asks_nothing(record)
    if reason is None or isinstance(record, Document) or reason not in _FAULTS:
        return
    fault = _FAULTS[reason]
    held = [f"{name} is {shown(fields[name])}" for name in fault.fields if name in fields]
    turns = _turns(record)
    seen = "; ".join(held) or f"turns: {listing(turns)}"
    raise DataError(f"{record.where}: {reason} ({seen}); {fault.way_out}", reason)


def _asks_nothing(record: Record) -> str | None:
    """That a chat has an empty question."""
    if not isinstance(record, Conversation):
        return None
    asked = [each.content for each in record.messages if each.role == "user"]
    return None if all(each.strip() for each in asked) else "empty question"


def _marks_nothing(record: Record) -> str | None:
    """That the mark of a chat's right answer, as in GSM8K, has nothing behind it."""
    if not isinstance(record, Conversation):
        return None  # a text that is judged may be as bad as it likes
    last = next(each for each in reversed(record.messages) if each.role == "assistant")
    return "empty answer" if _EMPTY_MARK.search(last.content) else None


def _turns(record: Record) -> list[str]:
    """The speakers in order; for a pair, up to the chosen answer."""
    match record:
        case Conversation():
            return [message.role for message in record.messages]
        case Judged():
            return _turns(record.conversation)
        case Rated():
            return _turns(record.content)
        case Pair():
            return _turns(record.conversations()[0])
        case _:
            return []
