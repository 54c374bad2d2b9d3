"""Generated JSON and tool calls. A text may be in a Markdown code block."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from trainables.metrics.written import ASKED, Answer, Values, WrittenMetric, of_references, said

_BLOCK = re.compile(r"\s*```\w*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_ARGUMENTS = ("arguments", "parameters")
_ABSENT = object()


def parsed(text: str) -> object:
    """The JSON value that the whole text is; ValueError if it is none."""
    block = _BLOCK.fullmatch(text)
    return json.loads(block.group(1) if block else text, parse_constant=_refused)


def is_json(text: str) -> bool:
    """Whether the whole text is JSON."""
    try:
        parsed(text)
    except (ValueError, RecursionError):
        return False
    return True


def equal_fields(text: str, reference: str) -> float:
    """The share of equal fields, of all that either of two JSON texts has; 1 if they are equal.

    0 if one of them is not JSON.
    """
    if not is_json(text) or not is_json(reference):
        return 0.0
    mine, theirs = dict(_leaves(parsed(text))), dict(_leaves(parsed(reference)))
    paths = mine.keys() | theirs.keys()
    same = sum(mine.get(path, _ABSENT) == theirs.get(path, _ABSENT) for path in paths)
    return same / len(paths)


def tool_calls(text: str) -> list[str]:
    """The calls of tools in a text, each as canonical JSON of name and arguments, sorted."""
    calls = [call for value in _values(text) for call in _calls(value)]
    return sorted(json.dumps(call, sort_keys=True) for call in calls)


def _same_calls(text: str, reference: str) -> float:
    return float(tool_calls(text) == tool_calls(reference))


def _valid(answers: Sequence[Answer]) -> Values:
    return [float(is_json(answer.said)) for answer in answers]


def _refused(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _leaves(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, object]]:
    """The values that are no lists or mappings, by their paths; empty ones count as values.

    JSON's true is not 1.
    """
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*path, place))
    else:
        yield path, (isinstance(value, bool), value)


def _values(text: str) -> Iterator[object]:
    """The JSON mappings and lists in a text."""
    decoder, at = json.JSONDecoder(), 0
    while match := re.compile(r"[\[{]").search(text, at):
        try:
            value, at = decoder.raw_decode(text, match.start())
            yield value
        except (ValueError, RecursionError):
            at = match.end()


def _calls(value: object) -> Iterator[tuple[str, object]]:
    """The calls in a JSON value: {"name": ..., "arguments" or "parameters": ...}, also inside of
    "function", "tool_calls" or a list."""
    if isinstance(value, list):
        for each in value:
            yield from _calls(each)
    elif isinstance(value, Mapping):
        given = next((value[name] for name in _ARGUMENTS if name in value), None)
        if isinstance(value.get("name"), str) and given is not None:
            yield value["name"], _arguments(given)
        else:
            for name in ("function", "tool_calls"):
                yield from _calls(value.get(name))


def _arguments(given: object) -> object:
    """Arguments written as JSON text, as the value that they stand for."""
    return parsed(given) if isinstance(given, str) and is_json(given) else given


JSON_VALID = WrittenMetric("eval_json_valid", "max", "share", ASKED, each=_valid, alone=True)
JSON_EQUAL = WrittenMetric(
    "eval_json_equal",
    "max",
    "share",
    ASKED,
    each=of_references(equal_fields),
    wants=lambda reference: is_json(said(reference)),
    wanted="JSON",
)
TOOL_CALL = WrittenMetric(
    "eval_tool_call",
    "max",
    "share",
    ASKED,
    each=of_references(_same_calls),
    wants=lambda reference: bool(tool_calls(reference)),
    wanted="a tool call",
)
