"""Tools of a chat and their calls, in the spellings of OpenAI, ShareGPT and Anthropic."""

from __future__ import annotations

import json
from collections.abc import Mapping

from trainables.core.data_error import DataError, shown
from trainables.data.records.conversation import ToolCall
from trainables.data.records.fields import text
from trainables.data.records.place import Place

_ARGUMENTS = ("arguments", "parameters", "input", "args")


def tools_of(value: object, where: Place) -> str:
    """The tools as the JSON text of a list; empty if there are none."""
    read = parsed(value) if isinstance(value, str) and value.strip() else value
    if not value or (isinstance(value, str) and not value.strip()) or read in ([], {}):
        return ""
    listed = [read] if isinstance(read, dict) else read
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise DataError(
            f"{where}: tools is {shown(value)}; it must be a list of objects, or its JSON text",
            "wrong type",
        )
    return json_text(listed, where, "tools")


def calls_of(value: object, where: Place) -> tuple[ToolCall, ...]:
    """The calls in `tool_calls`: a list of objects, one object, or the JSON text of either."""
    read = parsed(value) if isinstance(value, str) and value.strip() else value
    if not read:
        return ()
    listed = [read] if isinstance(read, dict) else read
    if not isinstance(listed, list):
        raise _no_call(value, where)
    return tuple(_call(each, where) for each in listed)


def calls_in_text(value: str, where: Place) -> tuple[ToolCall, ...]:
    """The calls in the text of a ShareGPT turn; none if it is no JSON of calls."""
    read = parsed(value)
    try:
        return calls_of(read, where) if isinstance(read, dict | list) else ()
    except DataError:
        return ()


def parsed(value: str) -> object:
    """The value of a JSON text; None if it is not JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _call(value: object, where: Place) -> ToolCall:
    if not isinstance(value, dict):
        raise _no_call(value, where)
    inner = value.get("function")
    function: Mapping[str, object] = inner if isinstance(inner, dict) else value
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise _no_call(value, where)
    given = next((function[key] for key in _ARGUMENTS if function.get(key) is not None), {})
    identity = text(value.get("id"), where, "id")
    return ToolCall(text(name, where, "name"), _arguments(given, where), identity)


def _arguments(value: object, where: Place) -> str:
    """The arguments as JSON text; those written as text stay as they are."""
    if not isinstance(value, str):
        return json_text(value, where, "arguments")
    if not value.strip():
        return "{}"
    if parsed(value) is None and value.strip() != "null":
        raise DataError(
            f"{where}: the arguments of a tool's call are {shown(value)}; they must be an object, "
            "or its JSON text",
            "wrong type",
        )
    return text(value, where, "arguments")


def json_text(value: object, where: Place, field: str) -> str:
    """A value as JSON; DataError if it is not made of JSON's values."""
    try:
        return text(json.dumps(value, ensure_ascii=False), where, field)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: {field} is {shown(value)}; it must be made of JSON's values", "wrong type"
        ) from error


def _no_call(value: object, where: Place) -> DataError:
    return DataError(
        f"{where}: tool_calls has {shown(value)}; a call is an object with the tool's name and "
        "arguments",
        "wrong type",
    )
