"""The sequences of supervised fine-tuning: one chat each, cut to length, its answers scored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainables.data.conversation import Conversation
from trainables.data.rendering import render
from trainables.data.sequences import TokenSequence
from trainables.data.tokenizer import Tokenizer

_PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")


@dataclass(frozen=True, slots=True)
class Answers:
    """The usable sequences; how many were cut; how many chats were dropped, by reason."""

    sequences: tuple[TokenSequence, ...] = ()
    truncated: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def answers(chats: Sequence[Conversation], tokenizer: Tokenizer, length: int) -> Answers:
    """Render the chats and cut each after `length` tokens.

    Chats without an answer to learn from are dropped, as are those whose cut leaves none.
    """
    reasons = [chat.reason_to_drop() for chat in chats]
    dropped = Counter(reason for reason in reasons if reason)
    usable = [chat for chat, reason in zip(chats, reasons, strict=True) if reason is None]
    rendered = list(render(usable, tokenizer))
    cut = [sequence.cut(length) for sequence in rendered]
    kept = [sequence for sequence in cut if sequence.targets.any()]
    if len(kept) < len(cut):
        dropped["prompt longer than max_length"] = len(cut) - len(kept)
    truncated = sum(len(sequence.tokens) > length for sequence in rendered)
    return Answers(tuple(kept), truncated - (len(cut) - len(kept)), dropped)


def placeholders(chats: Sequence[Conversation]) -> tuple[int, str]:
    """How many chats hold an unfilled {{placeholder}} in an answer, and the first of them."""
    found = [
        match.group()
        for chat in chats
        if (match := _PLACEHOLDER.search(_answer_text(chat))) is not None
    ]
    return len(found), found[0] if found else ""


def _answer_text(chat: Conversation) -> str:
    return "\n".join(message.content for message in chat.messages if message.trainable)
