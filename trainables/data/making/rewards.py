"""Examples of a reward model: whole texts that end in eos, compared or rated.

As in TRL, texts longer than `length` are left out: a reward is for a whole answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from trainables.core.data_error import short
from trainables.data.making.blocks import tokenise
from trainables.data.records.conversation import Conversation, Message
from trainables.data.records.records import Document, Pair, Rated
from trainables.data.rendering.remarks import total
from trainables.data.rendering.rendering import Rendered, render_pairs, render_whole
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, digest, faulty, key, usable
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer, require_eos

TOO_LONG = "longer than max_length"


def compared(records: Sequence[Pair], tokenizer: Tokenizer, length: int) -> Made:
    """Examples of two sequences, chosen and rejected."""
    kept, drops = usable(records)
    rendered = list(render_pairs((pair.conversations() for pair in kept), tokenizer))
    items = []
    for pair, both in zip(kept, rendered, strict=True):
        if both[0].fault:
            drops.append(faulty(pair.where, both[0].fault))
            continue
        wholes = tuple(each.whole for each in both)
        sequences = tuple(_unscored(whole, tokenizer) for whole in wholes)
        reason = _reason_to_drop(sequences, length)
        if reason:
            longest = max(len(sequence.tokens) for sequence in sequences)
            drops.append(Drop(reason, pair.where, longest if reason == TOO_LONG else 0))
            continue
        example = Example(sequences, weight=pair.weight)
        items.append(Item(example, key(*sequences), _prompt(wholes[0]), pair.where))
    return Made(tuple(items), tuple(drops), total(first.remarks for first, _ in rendered))


def rated(records: Sequence[Rated], tokenizer: Tokenizer, length: int) -> Made:
    """Examples of one sequence, with the reward as label."""
    kept, drops = usable(records)
    items = []
    rendered = list(_rendered(kept, tokenizer))
    for record, each in zip(kept, rendered, strict=True):
        if each.fault:
            drops.append(faulty(record.where, each.fault))
            continue
        whole = each.whole
        sequence = _unscored(whole, tokenizer)
        if len(sequence.tokens) > length:
            drops.append(Drop(TOO_LONG, record.where, len(sequence.tokens)))
            continue
        assert record.reward is not None, "else it is not usable"
        example = Example((sequence,), record.reward, record.weight)
        identity = digest(key(sequence), str(record.reward).encode())
        is_chat = isinstance(record.content, Conversation)
        group = _prompt(whole) if is_chat else key(sequence)
        items.append(Item(example, identity, group, record.where))
    return Made(tuple(items), tuple(drops), total(each.remarks for each in rendered))


def answered(chat: Conversation, answer: str) -> Conversation:
    """The chat with a model's answer in place of its last trained one."""
    before = chat.up_to_last_answer().messages[:-1]
    turn = Message("assistant", answer, trainable=True)
    return replace(chat, messages=(*before, turn), where=f"the answer {short(answer)!r}")


def scored_whole(chats: Iterable[Conversation], tokenizer: Tokenizer) -> Iterator[TokenSequence]:
    """Chats as a reward model reads them; DataError if its template refuses one."""
    for rendered in render_whole(chats, tokenizer):
        if rendered.fault:
            raise rendered.fault
        yield _unscored(rendered.whole, tokenizer)


def _reason_to_drop(sequences: Sequence[TokenSequence], length: int) -> str | None:
    if max(len(sequence.tokens) for sequence in sequences) > length:
        return TOO_LONG
    return "chosen equals rejected" if key(sequences[0]) == key(sequences[1]) else None


def _rendered(records: Sequence[Rated], tokenizer: Tokenizer) -> Iterable[Rendered]:
    """All sequences of one file: chats, or plain texts."""
    contents = [record.content for record in records]
    chats = [content for content in contents if isinstance(content, Conversation)]
    texts = [content.text for content in contents if isinstance(content, Document)]
    if chats:
        return render_whole(chats, tokenizer)
    return (Rendered((whole,)) for whole in tokenise(texts, tokenizer))


def _unscored(whole: TokenSequence, tokenizer: Tokenizer) -> TokenSequence:
    """The tokens, with eos at the end and no targets."""
    eos = require_eos(tokenizer)[1]
    tokens = whole.tokens if whole.tokens[-1:] == eos else np.append(whole.tokens, np.int32(eos))
    return TokenSequence(tokens, np.zeros(len(tokens), dtype=np.bool_))


def _prompt(whole: TokenSequence) -> bytes:
    return digest(whole.tokens[: whole.first_target].tobytes())
