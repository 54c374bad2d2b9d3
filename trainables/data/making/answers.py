"""Examples of supervised fine-tuning: one chat each, cut to length, with scored answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trainables.data.records.conversation import Conversation
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, key, usable
from trainables.data.tokens.rendering import render
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

TOO_LONG = "prompt longer than max_length"

_PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")


def answers(chats: Sequence[Conversation], tokenizer: Tokenizer, length: int) -> Made:
    """Render the chats and cut each after `length` tokens.

    Chats without a trained answer, before or after the cut, are dropped.
    """
    kept, drops = usable(chats)
    items = []
    for chat, whole in zip(kept, render(kept, tokenizer), strict=True):
        sequence = whole.cut(length)
        if sequence.targets.any():
            items.append(_item(chat, sequence, cut=len(whole.tokens) > length))
        else:
            drops.append(Drop(TOO_LONG, chat.where, whole.first_target + 1))
    return Made(tuple(items), tuple(drops))


def _item(chat: Conversation, sequence: TokenSequence, *, cut: bool) -> Item:
    example, same = Example((sequence,), weight=chat.weight), key(sequence)
    return Item(example, same, same, chat.where, cut=cut)


def placeholders(chats: Sequence[Conversation]) -> tuple[int, str]:
    """Number of chats with an unfilled {{placeholder}} in an answer, and the first of them."""
    found = [
        match.group()
        for chat in chats
        if (match := _PLACEHOLDER.search(_answer_text(chat))) is not None
    ]
    return len(found), found[0] if found else ""


def _answer_text(chat: Conversation) -> str:
    return "\n".join(message.content for message in chat.messages if message.trainable)
