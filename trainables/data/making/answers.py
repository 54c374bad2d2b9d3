"""Examples of supervised fine-tuning: chats cut to length, with scored answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trainables.data.records.conversation import Conversation
from trainables.data.rendering.remarks import Remark, total
from trainables.data.rendering.rendering import render
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, digest, faulty, key, usable
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

TOO_LONG = "prompt longer than max_length"

_PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")


def answers(chats: Sequence[Conversation], tokenizer: Tokenizer, length: int) -> Made:
    """Render the chats and cut each example after `length` tokens.

    Chats without a trained answer, before or after the cut, are dropped. Of a chat in several
    examples, those without an answer after the cut are left out, and such chats are counted.
    """
    kept, drops = usable(chats)
    items: list[Item] = []
    remarks: list[Mapping[str, int]] = []
    for chat, rendered in zip(kept, render(kept, tokenizer), strict=True):
        if rendered.fault:
            drops.append(faulty(chat.where, rendered.fault))
            continue
        made = _items(chat, rendered.sequences, length)
        items += made
        remarks.append(rendered.remarks)
        if not made:
            needs = min(whole.first_target for whole in rendered.sequences) + 1
            drops.append(Drop(TOO_LONG, chat.where, needs))
        elif len(made) < len(rendered.sequences):
            remarks.append({Remark.BEYOND: 1})
    return Made(tuple(items), tuple(drops), total(remarks))


def _items(chat: Conversation, wholes: Sequence[TokenSequence], length: int) -> list[Item]:
    """The examples of a chat that have a trained answer; all stay on one side of a split."""
    cut = [whole.cut(length) for whole in wholes]
    keys = [key(sequence) for sequence in cut]
    group = keys[0] if len(keys) == 1 else digest(*keys)
    return [
        Item(
            Example((sequence,), weight=chat.weight),
            identity,
            group,
            chat.where,
            cut=len(whole.tokens) > length,
            chat=chat,
        )
        for whole, sequence, identity in zip(wholes, cut, keys, strict=True)
        if sequence.targets.any()
    ]


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
