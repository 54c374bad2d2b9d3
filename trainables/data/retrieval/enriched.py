"""Chats with examples before the question, or with passages in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trainables.core.lookup import PASSAGES, QUESTION
from trainables.data.records.conversation import Conversation, Message, untrained

BETWEEN = "\n\n"
"""Between passages."""


def with_examples(chat: Conversation, examples: Sequence[Conversation]) -> Conversation:
    """The chat after the turns of the examples, the first of them nearest to its question.

    System turns of examples are left out; the chat's own comes first.
    """
    turns = [turn for each in reversed(examples) for turn in _turns(each)]
    opening = _opening(chat)
    messages = (*chat.messages[:opening], *turns, *chat.messages[opening:])
    return replace(chat, messages=messages)


def with_passages(chat: Conversation, passages: Sequence[str], layout: str) -> Conversation:
    """The chat with the passages in the question before its last trained answer.

    Without passages the question stays as it is.
    """
    if not passages:
        return chat
    place = chat.question_place
    asked = chat.messages[place]
    # In one pass: a passage may hold the words {question}.
    before, after = (part.split(QUESTION) for part in layout.split(PASSAGES))
    content = BETWEEN.join(passages).join(asked.content.join(each) for each in (before, after))
    turn = replace(asked, content=content)
    return replace(chat, messages=(*chat.messages[:place], turn, *chat.messages[place + 1 :]))


def _turns(example: Conversation) -> tuple[Message, ...]:
    until = example.up_to_last_answer().messages
    return untrained(turn for turn in until if turn.role != "system")


def _opening(chat: Conversation) -> int:
    """The number of system turns at the beginning."""
    return next(place for place, turn in enumerate(chat.messages) if turn.role != "system")
