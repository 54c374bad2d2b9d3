"""What was done to render chats, beyond giving them to the template: counted, and said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum


class Remark(StrEnum):
    """What was done to a chat; EXAMPLES counts the examples of chats with SEVERAL."""

    SEVERAL = "several"
    EXAMPLES = "examples"
    SYSTEM = "system"
    REASONING = "reasoning"
    CALLS = "calls"
    BY_TEXT = "by text"
    BEYOND = "beyond max_length"


_NOTES: Mapping[str, str] = {
    Remark.SEVERAL: "{chats} rendered as {examples:,} examples, one for each answer or several in "
    "a row, because the chat template writes earlier turns differently",
    Remark.SYSTEM: "{chats} with the system text before the first question, because the chat "
    "template has no system turn",
    Remark.REASONING: "{chats} with reasoning as <think>...</think> in the content, because the "
    "chat template does not write it otherwise",
    Remark.CALLS: "{chats} with tools and calls as plain text, because the chat template does not "
    "write them otherwise",
    Remark.BY_TEXT: "{chats} whose answers were found by their text, because the prompt of the "
    "chat template does not begin what it writes with an answer",
    Remark.BEYOND: "{chats} of several examples without those whose prompt is longer than "
    "max_length",
}


def total(remarks: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of several counts."""
    sums: dict[str, int] = {}
    for each in remarks:
        for name, count in each.items():
            sums[name] = sums.get(name, 0) + count
    return sums


def notes(remarks: Mapping[str, int]) -> Iterator[str]:
    """A note for each remark with a count."""
    for name, note in _NOTES.items():
        if count := remarks.get(name, 0):
            chats = "1 chat" if count == 1 else f"{count:,} chats"
            yield note.format(chats=chats, examples=remarks.get(Remark.EXAMPLES, 0))
