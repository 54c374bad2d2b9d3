"""Reasoning of an answer: in a field of its own, or written into the content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from trainables.data.records.conversation import Message

_WRITTEN = re.compile(r"\A\s*(?:<think>)?(.*?)</think>\s*(.*)\Z", re.DOTALL)
"""The opening tag may stand in the prompt already, as with DeepSeek-R1."""


def apart(message: Message) -> Message:
    """The answer with its reasoning in the field; unchanged without any."""
    if message.role != "assistant" or message.reasoning:
        return message
    found = _WRITTEN.match(message.content)
    if found is None:
        return message
    return replace(message, reasoning=found.group(1).strip(), content=found.group(2))


def inline(message: Message) -> Message:
    """The answer with its reasoning as <think>...</think> before the content, if it has any."""
    if not message.reasoning:
        return message
    thought = f"<think>\n{message.reasoning.strip()}\n</think>\n\n{message.content}"
    return replace(message, reasoning="", content=thought)


def without(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The turns without any reasoning."""
    return tuple(replace(apart(message), reasoning="") for message in messages)
