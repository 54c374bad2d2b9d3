"""What a turn says: a text, or a list of parts (text, reasoning, calls of tools)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from trainables.core.data_error import DataError, shown
from trainables.data.records.conversation import Role, ToolCall
from trainables.data.records.fields import text
from trainables.data.records.place import RESULT, Place
from trainables.data.records.tools import calls_of, json_text

_TEXTS = frozenset({"text", "input_text", "output_text"})
_THOUGHTS = frozenset({"reasoning", "thinking", "thought"})
_CALLS = frozenset({"tool_call", "tool_use", "function_call", "tool_calls"})


class Content(NamedTuple):
    """A turn's text, the thoughts before it, and the calls after it."""

    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()


def content_of(value: object, role: Role, where: Place) -> Content:
    """A text, or the parts of a list; only an answer has reasoning and calls."""
    if role == "tool" and _is_data(value):
        where.allow(RESULT)
        return Content(json_text(value, where, "content"))
    if not isinstance(value, list):
        return Content(text(value, where, "content"))
    parts = [_part(each, role, where) for each in value]
    return Content(
        "".join(part.text for part in parts),
        "".join(part.reasoning for part in parts),
        tuple(call for part in parts for call in part.calls),
    )


def _is_data(value: object) -> bool:
    """Whether a tool's result is an object or a list that is not made of parts."""
    if isinstance(value, list):
        return any(not isinstance(each, dict) or "type" not in each for each in value)
    return isinstance(value, dict)


def _part(part: object, role: Role, where: Place) -> Content:
    if isinstance(part, str):
        return Content(text(part, where, "content"))
    if isinstance(part, dict):
        kind = str(part.get("type", "text" if "text" in part else None))
        if kind in _TEXTS:
            return Content(text(_first(part, ("value", "text", "content")), where, "content"))
        if kind in _THOUGHTS and role == "assistant":
            names = (kind, *sorted(_THOUGHTS), "text", "value", "content")
            return Content("", text(_first(part, names), where, "reasoning"))
        if kind in _CALLS and role == "assistant":
            inner = _first(part, ("value", kind))
            return Content("", calls=calls_of(part if inner is None else inner, where))
    raise DataError(
        f"{where}: content has a part {shown(part)}; only text parts are supported, and those of "
        "reasoning and calls in answers",
        "unsupported part",
    )


def _first(part: Mapping[str, object], names: tuple[str, ...]) -> object:
    """The first value that is not null."""
    return next((part[name] for name in names if part.get(name) is not None), None)
