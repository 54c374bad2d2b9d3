"""The turns of a chat, in the spellings of ShareGPT (from, value) and of messages (role, content).

`content` is a string or a list of parts {type: text, value or text}.
"""

from __future__ import annotations

from collections.abc import Mapping

from trainables.core.data_error import DataError, listing, shown
from trainables.data.records.conversation import Message, Role
from trainables.data.records.fields import text

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
"""The role names of all formats. A function call is the model's output, so it is trained."""


def sharegpt_turns(listed: object, where: str, field: str) -> tuple[Message, ...]:
    """A list of {from, value}."""
    return tuple(_sharegpt_turn(turn, place) for turn, place in _turns(listed, where, field))


def message_turns(listed: object, where: str, field: str) -> tuple[Message, ...]:
    """A list of {role, content, loss_weight?}."""
    return tuple(_message_turn(turn, place) for turn, place in _turns(listed, where, field))


def any_turns(listed: object, where: str, field: str) -> tuple[Message, ...]:
    """A list of turns in either spelling, or one turn by itself."""
    turns = _turns([listed] if isinstance(listed, dict) else listed, where, field)
    return tuple(
        _sharegpt_turn(turn, place) if "from" in turn else _message_turn(turn, place)
        for turn, place in turns
    )


def _turns(listed: object, where: str, field: str) -> list[tuple[dict[str, object], str]]:
    if not isinstance(listed, list):
        raise DataError(f"{where}: {field} is {shown(listed)}; it must be a list of turns")
    turns: list[tuple[dict[str, object], str]] = []
    for number, turn in enumerate(listed, start=1):
        place = f"{where} turn {number}"
        if not isinstance(turn, dict):
            raise DataError(f"{place} is {shown(turn)}; a turn is an object with a role")
        turns.append((turn, place))
    return turns


def _sharegpt_turn(turn: Mapping[str, object], where: str) -> Message:
    role = _role(turn, "from", where)
    return Message.of(role, text(_needed(turn, "value", where), where, "value"))


def _message_turn(turn: Mapping[str, object], where: str) -> Message:
    role = _role(turn, "role", where)
    if turn.get("tool_calls"):
        raise DataError(
            f"{where}: tool_calls are not supported; write the call into content, as text"
        )
    content = _content(_needed(turn, "content", where), where)
    trainable = role == "assistant"
    weight = turn.get("loss_weight")
    if weight is None:
        return Message.of(role, content)
    if weight not in (0, 1) or (weight and not trainable):
        raise DataError(
            f"{where}: loss_weight {shown(weight)} of a turn by {role}; answers take "
            "0 or 1, others 0"
        )
    return Message(role, content, trainable=bool(weight))


def _role(turn: Mapping[str, object], field: str, where: str) -> Role:
    name = _needed(turn, field, where)
    if not isinstance(name, str) or name not in ROLES:
        raise DataError(
            f"{where}: {field} {shown(name)} is unknown; use one of {', '.join(ROLES)}",
            "unknown role",
        )
    return ROLES[name]


def _needed(turn: Mapping[str, object], field: str, where: str) -> object:
    if field not in turn:
        raise DataError(f"{where} has no field {field} (it has {listing(turn)}); add it")
    return turn[field]


def _content(value: object, where: str) -> str:
    if not isinstance(value, list):
        return text(value, where, "content")
    return "".join(_part(part, where) for part in value)


def _part(part: object, where: str) -> str:
    if isinstance(part, dict) and part.get("type") == "text":
        return text(part.get("value", part.get("text")), where, "content")
    raise DataError(f"{where}: content has a part {shown(part)}; only text parts are supported")
