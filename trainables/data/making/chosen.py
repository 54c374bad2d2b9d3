"""What of a record is learned, as `data.train_on` and `data.reasoning` say."""

from __future__ import annotations

from dataclasses import replace

from trainables.config.data import DataConfig
from trainables.data.records.conversation import Conversation
from trainables.data.records.records import Judged, Pair, Rated, Record
from trainables.data.rendering.thoughts import without


def chosen(record: Record, data: DataConfig) -> Record:
    """The record with the wished answers and reasoning only; unchanged if it holds no chat.

    The answers of pairs, and judged and rated ones, are the last ones anyway.
    """
    if data.reasoning == "drop":
        record = _without_reasoning(record)
    if data.train_on == "last_answer" and isinstance(record, Conversation):
        return record.last_trained_only()
    return record


def _without_reasoning(record: Record) -> Record:
    match record:
        case Conversation():
            return replace(record, messages=without(record.messages))
        case Judged(conversation=chat):
            return replace(record, conversation=replace(chat, messages=without(chat.messages)))
        case Rated(content=Conversation() as chat):
            return replace(record, content=replace(chat, messages=without(chat.messages)))
        case Pair():
            parts = (record.prompt, record.chosen, record.rejected)
            prompt, better, worse = (without(each) for each in parts)
            return replace(record, prompt=prompt, chosen=better, rejected=worse)
        case _:
            return record
