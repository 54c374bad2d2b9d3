"""JSON as read by the json module, plus errors for its limits and a list of repeated names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class JsonLimitError(ValueError):
    """Valid JSON beyond Python's limits; the message has a way out, but no place."""


class Repeat(NamedTuple):
    """An object with a repeated name, and the first two values of that name."""

    holder: dict[str, object]
    name: str
    values: tuple[object, object]


def parse(text: str) -> tuple[object, list[Repeat]]:
    """The value of a text, and the objects in it with a repeated name.

    json.JSONDecodeError if it is not JSON; JsonLimitError if it is nested too deeply or has an
    integer of thousands of digits.
    """
    repeats: list[Repeat] = []

    def to_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        holder = dict(pairs)
        if len(holder) < len(pairs):
            repeats.append(_repeat(holder, pairs))
        return holder

    try:
        return json.loads(text, object_pairs_hook=to_object), repeats
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise JsonLimitError(
            "lists or objects are nested too deeply; flatten or remove them"
        ) from error
    except ValueError as error:
        raise JsonLimitError(
            "a whole number has thousands of digits; shorten or quote it"
        ) from error


def repeat_within(value: object, by_holder: Mapping[int, Repeat]) -> Repeat | None:
    """A repeat whose object (by its id) is the value or is within it, at any depth."""
    inside = objects_within(value)
    return next((by_holder[id(each)] for each in inside if id(each) in by_holder), None)


def objects_within(value: object) -> Iterator[dict[str, object]]:
    """The value and what is within it, at any depth, where that is an object."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _repeat(holder: dict[str, object], pairs: Sequence[tuple[str, object]]) -> Repeat:
    earlier: dict[str, object] = {}
    for name, value in pairs:
        if name in earlier:
            return Repeat(holder, name, (earlier[name], value))
        earlier[name] = value
    raise AssertionError("some name is there twice")
