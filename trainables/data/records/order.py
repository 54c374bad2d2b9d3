"""The turns of a chat in the order that templates need: neighbours joined, no answer first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from trainables.data.records.conversation import Message
from trainables.data.records.place import JOINED, OPENING, Place


def in_order(messages: Sequence[Message], where: Place) -> tuple[Message, ...]:
    """The turns with neighbours of one role joined, and without answers before the first question.

    Both are noted at `where`.
    """
    return joined(_without_opening(messages, where), where)


def joined(messages: Iterable[Message], where: Place) -> tuple[Message, ...]:
    """The turns with neighbours of one role joined, which is noted at `where`."""
    turns: list[Message] = []
    for message in messages:
        if turns and _belong(turns[-1], message):
            where.allow(JOINED)
            turns[-1] = _one(turns[-1], message)
        else:
            turns.append(message)
    return tuple(turns)


def _without_opening(messages: Sequence[Message], where: Place) -> list[Message]:
    roles = [message.role for message in messages]
    spoken = [role for role in roles if role != "system"]
    if spoken[:1] != ["assistant"] or "user" not in roles:
        return list(messages)
    where.allow(OPENING)
    start = roles.index("user")
    return [*(each for each in messages[:start] if each.role == "system"), *messages[start:]]


def _belong(first: Message, second: Message) -> bool:
    """Whether two turns are one: what is said before a call is, what is said after it is not."""
    if first.role != second.role or first.role not in ("user", "assistant"):
        return False
    called_before = bool(first.tool_calls) and bool(second.content.strip())
    return first.trainable == second.trainable and not called_before


def _one(first: Message, second: Message) -> Message:
    return replace(
        first,
        content=_lines(first.content, second.content),
        reasoning=_lines(first.reasoning, second.reasoning),
        tool_calls=(*first.tool_calls, *second.tool_calls),
    )


def _lines(first: str, second: str) -> str:
    return "\n\n".join(each for each in (first, second) if each)
