"""Prompts for generation: chats up to their last trained answer, which is the first reference."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from trainables.data.records.conversation import Conversation
from trainables.data.rendering.rendering import Rendered, render
from trainables.data.tokens.prompts import Prompt
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer


def prompts(chats: Sequence[Conversation], tokenizer: Tokenizer) -> tuple[list[Prompt], set[int]]:
    """The prompt and the references of each chat, and the ids that end an answer.

    They are what the model is trained on, but never cut. An answer ends with eos, or as the
    references end, whatever the tokenizer's eos is.
    """
    parts = [_parts(_sound(rendered).sequences[-1]) for rendered in render(chats, tokenizer)]
    ends = {answer[-1] for _, answer in parts} & {*tokenizer.get_added_vocab().values()}
    eos = tokenizer.eos_token_id
    stops = ends if eos is None else {*ends, eos}
    references = (text_of(answer, stops, tokenizer) for _, answer in parts)
    made = zip(chats, parts, references, strict=True)
    return [
        Prompt(np.array(ids), chat.question, _references(chat, ref), record=chat.unread)
        for chat, (ids, _), ref in made
    ], stops


def _references(chat: Conversation, first: str) -> tuple[str, ...]:
    own = (first,) if chat.answered else ()
    return tuple(dict.fromkeys((*own, *chat.references)))


def _sound(rendered: Rendered) -> Rendered:
    """The same; its fault as an error, which looked-up examples may bring in."""
    if rendered.fault:
        raise rendered.fault
    return rendered


def text_of(ids: list[int], stops: Collection[int], tokenizer: Tokenizer) -> str:
    """The text of an answer, without the token that ends it."""
    ends = bool(ids) and ids[-1] in stops
    return tokenizer.decode(ids[:-1] if ends else ids, skip_special_tokens=True)


def _parts(sequence: TokenSequence) -> tuple[list[int], list[int]]:
    """The ids before the last answer, and those of the answer."""
    end = int(np.flatnonzero(sequence.targets)[-1]) + 1
    start = int(np.flatnonzero(~sequence.targets[:end])[-1]) + 1
    tokens = sequence.tokens.tolist()
    return tokens[:start], tokens[start:end]
