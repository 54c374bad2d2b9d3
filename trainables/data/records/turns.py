"""The turns of a chat, in every spelling: {role, content}, {from, value}, texts, parallel lists."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.core.data_error import DataError, listing, shown
from trainables.data.records.content import Content, content_of
from trainables.data.records.conversation import Message, Role
from trainables.data.records.fields import text
from trainables.data.records.place import CALL_AS_TEXT, PARALLEL, TEXTS, UNTRAINED, Place
from trainables.data.records.tools import calls_in_text, calls_of, parsed

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "function": "tool",
    "tool": "tool",
}
"""The role names of all formats. A function call is the model's output, so it is trained."""

CALLS = frozenset({"function_call", "tool_call"})
"""Roles whose turns are calls of tools, as JSON text."""

SPEAKERS = {"role": "content", "from": "value", "speaker": "text"}
"""The fields that name a turn's speaker, each with the usual field of what is said."""

_SAID = (*SPEAKERS.values(), "utterance")
_REASONING = ("reasoning_content", "reasoning", "thinking", "thought")
_WEIGHTS = ("loss_weight", "weight", "train", "training", "trainable")
_BY_TURNS: tuple[Role, Role] = ("user", "assistant")


def is_turn(value: object) -> bool:
    """Whether a value is written as a turn, by its fields."""
    return isinstance(value, dict) and any(name in value for name in SPEAKERS)


def turns_of(value: object, where: Place, field: str) -> tuple[Message, ...]:
    """The turns in a list, in an object of parallel lists, in JSON text, or of one object."""
    listed = _listed(value, where, field)
    if len(listed) > 1 and all(isinstance(each, str) for each in listed):
        where.allow(TEXTS)
        return taking_turns([text(each, where, field) for each in listed])
    places = [where.within(f"turn {number}") for number in range(1, len(listed) + 1)]
    return tuple(map(_message, listed, places))


def taking_turns(texts: list[str]) -> tuple[Message, ...]:
    """Texts as turns of user and assistant, the user's first."""
    return tuple(Message.of(_BY_TURNS[n % 2], each) for n, each in enumerate(texts))


def _listed(value: object, where: Place, field: str) -> list[object]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parsed(value) or value
    if isinstance(value, dict) and is_turn(value):
        if not isinstance(value[next(name for name in SPEAKERS if name in value)], list):
            return [value]
        where.allow(PARALLEL)
        return _from_parallel(value, where, field)
    if not isinstance(value, list):
        raise DataError(
            f"{where}: {field} is {shown(value)}; it must be a list of turns", "wrong type"
        )
    return value


def _from_parallel(lists: Mapping[str, object], where: Place, field: str) -> list[object]:
    """Turns from an object with a list for each field of theirs."""
    columns = {name: each for name, each in lists.items() if isinstance(each, list)}
    lengths = {name: len(each) for name, each in columns.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{count} of {name}" for name, count in lengths.items())
        raise DataError(f"{where}: {field} has lists of unequal length ({counts}); correct them")
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _message(turn: object, where: Place) -> Message:
    if not isinstance(turn, dict):
        raise DataError(f"{where} is {shown(turn)}; a turn is an object with a role", "wrong type")
    by = next((name for name in SPEAKERS if turn.get(name) is not None), None)
    by = by or next((name for name in SPEAKERS if name in turn), "role")
    name = _needed(turn, by, where)
    role = _role(name, by, where)
    said = _said(turn, by, role, where)
    if str(name).lower() in CALLS and not said.calls:
        said = _calls_said(said, where)
    if role != "assistant" and said.calls:
        raise DataError(f"{where}: a turn by {role} calls a tool; only answers do", "wrong type")
    return Message(
        role,
        said.text,
        trainable=_trainable(turn, role, where),
        reasoning=said.reasoning if role == "assistant" else "",
        tool_calls=said.calls,
        name=text(turn.get("name"), where, "name") if role == "tool" else "",
        call_id=text(turn.get("tool_call_id"), where, "tool_call_id") if role == "tool" else "",
    )


def _said(turn: Mapping[str, object], by: str, role: Role, where: Place) -> Content:
    """What a turn says, thinks and calls; a turn that calls a tool may say nothing."""
    calls = tuple(
        call
        for name in ("tool_calls", "function_call")
        for call in (calls_of(turn[name], where) if turn.get(name) else ())
    )
    usual = SPEAKERS[by]
    held = next((name for name in (usual, *_SAID) if name in turn), usual)
    value = turn.get(held) if calls else _needed(turn, held, where)
    said = content_of(value, role, where)
    thoughts = [said.reasoning, *(_thought(turn, name, where) for name in _REASONING)]
    reasoning = next(filter(None, thoughts), "")
    return Content(said.text, reasoning, (*said.calls, *calls))


def _thought(turn: Mapping[str, object], name: str, where: Place) -> str:
    value = turn.get(name)
    return text(value, where, name) if isinstance(value, str) else ""


def _calls_said(said: Content, where: Place) -> Content:
    """A turn by `function_call`: its text is the JSON of its calls, or stays text."""
    calls = calls_in_text(said.text, where)
    if not calls:
        where.allow(CALL_AS_TEXT)
        return said
    return Content("", said.reasoning, calls)


def _trainable(turn: Mapping[str, object], role: Role, where: Place) -> bool:
    name = next((name for name in _WEIGHTS if turn.get(name) is not None), None)
    if name is None:
        return role == "assistant"
    weight = turn[name]
    if weight not in (0, 1):
        raise DataError(f"{where}: {name} is {shown(weight)}; a turn takes 0 or 1", "wrong type")
    if weight and role != "assistant":
        where.allow(UNTRAINED)
        return False
    return bool(weight)


def _role(name: object, field: str, where: Place) -> Role:
    if not isinstance(name, str) or name.strip().lower() not in ROLES:
        raise DataError(
            f"{where}: {field} {shown(name)} is unknown; use one of {', '.join(ROLES)}",
            "unknown role",
        )
    return ROLES[name.strip().lower()]


def _needed(turn: Mapping[str, object], field: str, where: Place) -> object:
    if field not in turn:
        raise DataError(f"{where} has no field {field} (it has {listing(turn)}); add it")
    return turn[field]
