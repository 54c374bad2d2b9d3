"""The record formats: recognised by their fields, said aloud, and turned into conversations.

| format              | a record                                                                  |
|---------------------|---------------------------------------------------------------------------|
| `alpaca`            | {instruction, input?, output, system?}                                    |
| `sharegpt`          | {conversations: [{from, value}], system?}                                 |
| `messages`          | {messages: [{role, content, loss_weight?}]}, or the bare list of messages |
| `prompt_completion` | {prompt, completion}: one user turn and its answer                        |
| `text`              | {text}, or a plain text file                                              |

A file holds one format. `content` is a string or a list of parts {type: text, value or text}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trainables.data.conversation import Conversation, Message, Role
from trainables.data.errors import DataError
from trainables.data.row import Row

Format = Literal["alpaca", "sharegpt", "messages", "prompt_completion", "text"]

NEEDED: Mapping[Format, tuple[str, ...]] = {
    "alpaca": ("instruction", "output"),
    "sharegpt": ("conversations",),
    "messages": ("messages",),
    "prompt_completion": ("prompt", "completion"),
    "text": ("text",),
}
"""The fields that a record of each format must have."""

OPTIONAL: Mapping[Format, tuple[str, ...]] = {
    "alpaca": ("input", "system"),
    "sharegpt": ("system",),
}
"""The further fields that are read where they are there."""

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "tool": "tool",
}
"""The role names of all formats. A function call is what the model writes, so it is trained."""

_PREFERENCE_FIELDS = ("chosen", "rejected", "chosen_messages", "rejected_messages", "label")


@dataclass(frozen=True, slots=True)
class Records:
    """What a file holds: conversations or, for the `text` format, documents; never both."""

    format: Format
    conversations: tuple[Conversation, ...] = ()
    documents: tuple[str, ...] = ()
    unread_fields: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.conversations) + len(self.documents)


def records_of(rows: Sequence[Row]) -> Records:
    """All records of a file; DataError, with file and row, where one does not fit."""
    format_ = recognise(rows[0])
    for row in rows:
        _check_same_format(row, format_)
    unread = _unread_fields(rows, format_)
    if format_ == "text":
        texts = tuple(_text(row.value["text"], row.where, "text") for row in rows)
        return Records(format_, documents=texts, unread_fields=unread)
    chats = tuple(Conversation(_messages(row, format_), row.where) for row in rows)
    return Records(format_, conversations=chats, unread_fields=unread)


def recognise(row: Row) -> Format:
    """The format of a record, by its fields."""
    if isinstance(row.value, list):
        return "messages"
    if not isinstance(row.value, dict):
        raise DataError(f"{row.where} is {_shown(row.value)}; a record is an object with fields")
    for name in get_args(Format):
        if all(field in row.value for field in NEEDED[name]):
            return _without_preferences(row, name)
    known = "; ".join(f"{name} {{{', '.join(NEEDED[name])}}}" for name in get_args(Format))
    found = ", ".join([*map(str, row.value)][:8]) or "none"
    raise DataError(f"{row.where} has the fields: {found}; rename them to one of: {known}")


def _without_preferences(row: Row, format_: Format) -> Format:
    """Chats that are rated or compared are refused: sft would imitate the bad answers as well."""
    found = [name for name in _PREFERENCE_FIELDS if name in row.value]
    if found and format_ in ("sharegpt", "messages"):
        raise DataError(
            f"{row.where} has the field {found[0]}, so its answers are rated or compared; "
            "keep the good answers as plain chats and remove that field"
        )
    return format_


def _check_same_format(row: Row, format_: Format) -> None:
    if isinstance(row.value, list) and format_ == "messages":
        return
    needed = NEEDED[format_]
    missing = [name for name in needed if not isinstance(row.value, dict) or name not in row.value]
    if not missing:
        _without_preferences(row, format_)
        return
    if isinstance(row.value, dict) and not _fits_any(row.value):
        raise DataError(f"{row.where} has no field {missing[0]}; add it or remove the record")
    other = recognise(row)
    raise DataError(f"{row.where} is {other}, but the file began as {format_}; split the file")


def _fits_any(record: Mapping[str, Any]) -> bool:
    return any(all(field in record for field in needed) for needed in NEEDED.values())


def _unread_fields(rows: Sequence[Row], format_: Format) -> tuple[str, ...]:
    """The fields that hold something somewhere and are not looked at, in order of appearance."""
    read = (*NEEDED[format_], *OPTIONAL.get(format_, ()))
    records = [row.value for row in rows if isinstance(row.value, dict)]
    found = {name: None for record in records for name, value in record.items() if value}
    return tuple(name for name in found if name not in read)


def _messages(row: Row, format_: Format) -> tuple[Message, ...]:
    if format_ == "alpaca":
        return _alpaca(row)
    if format_ == "prompt_completion":
        prompt, completion = (
            _text(row.value[name], row.where, name) for name in ("prompt", "completion")
        )
        return Message.of("user", prompt), Message.of("assistant", completion)
    if format_ == "sharegpt":
        turns = _turns(row, row.value["conversations"], "conversations")
        return (*_system(row), *(_sharegpt_turn(turn, where) for turn, where in turns))
    listed = row.value if isinstance(row.value, list) else row.value["messages"]
    return tuple(_message_turn(turn, where) for turn, where in _turns(row, listed, "messages"))


def _alpaca(row: Row) -> tuple[Message, ...]:
    parts = (_text(row.value.get(name), row.where, name) for name in ("instruction", "input"))
    prompt = "\n".join(part for part in parts if part)
    answer = _text(row.value["output"], row.where, "output")
    return (*_system(row), Message.of("user", prompt), Message.of("assistant", answer))


def _system(row: Row) -> tuple[Message, ...]:
    content = _text(row.value.get("system"), row.where, "system")
    return (Message.of("system", content),) if content else ()


def _turns(row: Row, listed: Any, field: str) -> list[tuple[dict[str, Any], str]]:
    if not isinstance(listed, list):
        raise DataError(f"{row.where}: {field} is {_shown(listed)}; it must be a list of turns")
    turns = [(turn, f"{row.where} turn {number}") for number, turn in enumerate(listed, start=1)]
    for turn, where in turns:
        if not isinstance(turn, dict):
            raise DataError(f"{where} is {_shown(turn)}; a turn is an object with a role")
    return turns


def _sharegpt_turn(turn: Mapping[str, Any], where: str) -> Message:
    role = _role(turn, "from", where)
    return Message.of(role, _text(_needed(turn, "value", where), where, "value"))


def _message_turn(turn: Mapping[str, Any], where: str) -> Message:
    role = _role(turn, "role", where)
    if turn.get("tool_calls"):
        raise DataError(f"{where}: tool_calls are not read; write the call into content, as text")
    content = _content(_needed(turn, "content", where), where)
    trainable = role == "assistant"
    weight = turn.get("loss_weight", int(trainable))
    if weight not in (0, 1) or (weight and not trainable):
        raise DataError(
            f"{where}: loss_weight {weight!r} of a turn by {role}; answers take 0 or 1, others 0"
        )
    return Message(role, content, trainable=bool(weight))


def _role(turn: Mapping[str, Any], field: str, where: str) -> Role:
    name = _needed(turn, field, where)
    if name not in ROLES:
        raise DataError(f"{where}: {field} {name!r} is unknown; use one of {', '.join(ROLES)}")
    return ROLES[name]


def _needed(turn: Mapping[str, Any], field: str, where: str) -> Any:
    if field not in turn:
        raise DataError(f"{where} has no field {field} (it has {', '.join(turn)}); add it")
    return turn[field]


def _content(value: Any, where: str) -> str:
    if not isinstance(value, list):
        return _text(value, where, "content")
    return "".join(_part(part, where) for part in value)


def _part(part: Any, where: str) -> str:
    if isinstance(part, dict) and part.get("type") == "text":
        return _text(part.get("value", part.get("text")), where, "content")
    raise DataError(f"{where}: content has a part {_shown(part)}; only text parts are read")


def _text(value: Any, where: str, field: str) -> str:
    """The value as text; null counts as empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: {field} is {_shown(value)}; it must be a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        fault = f"{field} holds half a surrogate pair at character {error.start + 1}"
        raise DataError(f"{where}: {fault}; repair or remove the record") from error
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
