"""The texts of an answer, looked for in what a template wrote: templates drop and change."""

from __future__ import annotations

import json
from collections.abc import Iterator

from trainables.data.records.conversation import Message
from trainables.data.rendering.form import arguments
from trainables.data.rendering.thoughts import apart
from trainables.data.rendering.unfit import Step, UnfitError

SHOWN = 40
"""Maximum characters of a lost text in a message."""


def content_of(message: Message) -> str:
    """The text of an answer without its reasoning, without white space around it."""
    return apart(message).content.strip()


def check_whole(message: Message, trained: str, seen: str, turn: int) -> None:
    """UnfitError if a part of the answer is missing.

    Content and calls are looked for in the trained text; reasoning in all that the model sees of
    the answer, because a template may mark it as not to be learned.
    """
    answer = apart(message)
    reasoning = answer.reasoning.strip()
    if reasoning not in seen:
        raise UnfitError(Step.REASONING, _start(reasoning), turn)
    # An answer may be a word of its reasoning, so it is looked for behind that.
    rest = trained.partition(reasoning)[2] if reasoning and reasoning in trained else trained
    content = answer.content.strip()
    if content not in rest:
        raise UnfitError(Step.ANSWER, _start(content), turn)
    for call in message.tool_calls:
        for text in (call.name, *_leaves(arguments(call))):
            if not is_written(text, trained):
                raise UnfitError(Step.CALL, _start(text), turn)


def is_written(text: str, inside: str) -> bool:
    """Whether a text stands there: by itself or within JSON, without white space around it."""
    return any(each in inside for each in _spellings(text.strip()))


def _start(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _leaves(value: object) -> Iterator[str]:
    """The texts and numbers in a call's arguments."""
    match value:
        case dict():
            for key, each in value.items():
                yield str(key)
                yield from _leaves(each)
        case list():
            for each in value:
                yield from _leaves(each)
        case bool() | None:
            return
        case str():
            yield value
        case _:
            yield json.dumps(value)


def _spellings(text: str) -> Iterator[str]:
    """A text as written by itself, and inside JSON."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
