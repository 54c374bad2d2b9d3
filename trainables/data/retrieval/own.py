"""Pieces that would give a chat its own answer."""

from __future__ import annotations

from trainables.data.records.conversation import Conversation
from trainables.metrics.words import normal


def is_own(chat: Conversation, piece: Conversation | str) -> bool:
    """Whether a piece holds the chat itself, so that training would teach to copy it.

    An example does, if it asks the same question. A passage does, if it is no more than the answer
    or a part of it, or holds both the question and the answer. A passage with the answer among
    other text is what retrieval is for.
    """
    if isinstance(piece, Conversation):
        return normal(piece.question) == normal(chat.question)
    text, answer = normal(piece), normal(chat.up_to_last_answer().messages[-1].content)
    return text in answer or (bool(answer) and answer in text and normal(chat.question) in text)


def has_same_tools(chat: Conversation, piece: Conversation | str) -> bool:
    """Whether an example's calls are possible in the chat; always for a passage."""
    return isinstance(piece, str) or piece.tools == chat.tools
