"""The chats of a set, beside its examples on disk, from which prompts can be made anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from trainables.data.records.conversation import Conversation, Message, ToolCall

CHATS = "chats.jsonl"
"""In the folder of a set; in the order of its prompts."""

ASKED = "asked.jsonl"
"""Beside it, if the prompts are of other chats: those with what is looked up for them."""


def write_chats(set_folder: Path, chats: Sequence[Conversation], name: str = CHATS) -> None:
    """Write the chats of a set, one a line."""
    with (set_folder / name).open("w", encoding="utf-8") as file:
        for chat in chats:
            file.write(json.dumps(asdict(chat), ensure_ascii=False) + "\n")


def load_chats(set_folder: Path) -> list[Conversation]:
    """The chats of a set."""
    return _loaded(set_folder / CHATS)


def load_asked(set_folder: Path) -> list[Conversation]:
    """The chats of a set as the model is asked them, in the order of its prompts."""
    own = set_folder / ASKED
    return _loaded(own) if own.exists() else load_chats(set_folder)


def _loaded(path: Path) -> list[Conversation]:
    with path.open(encoding="utf-8") as file:
        return [_chat(json.loads(line)) for line in file]


def count_chats(set_folder: Path) -> int:
    """The number of chats of a set."""
    with (set_folder / CHATS).open("rb") as file:
        return sum(1 for _ in file)


def _chat(fields: dict[str, object]) -> Conversation:
    messages, references = fields.pop("messages"), fields.pop("references")
    assert isinstance(messages, list) and isinstance(references, list), "write_chats has written it"
    turns = tuple(_message(each) for each in messages)
    return Conversation(turns, references=tuple(references), **fields)  # type: ignore[arg-type]


def _message(fields: dict[str, object]) -> Message:
    calls = fields.pop("tool_calls")
    assert isinstance(calls, list), "write_chats has written it"
    return Message(**fields, tool_calls=tuple(ToolCall(**call) for call in calls))  # type: ignore[arg-type]
