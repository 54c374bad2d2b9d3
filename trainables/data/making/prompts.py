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
    references end, whatever the tokenizer's eos is. DataError if the template refuses a chat.
    """
    return _prompts(chats, [_sound(each) for each in render(chats, tokenizer)], tokenizer)


def taken(chats: Sequence[Conversation], tokenizer: Tokenizer) -> list[Prompt | None]:
    """The same prompts; None for a chat that the template refuses, as it may with what is looked up
    for it."""
    rendered = list(render(chats, tokenizer))
    sound = [place for place, each in enumerate(rendered) if each.fault is None]
    made, _ = _prompts([chats[n] for n in sound], [rendered[n] for n in sound], tokenizer)
    found = dict(zip(sound, made, strict=True))
    return [found.get(place) for place in range(len(chats))]


def _prompts(
    chats: Sequence[Conversation], rendered: Sequence[Rendered], tokenizer: Tokenizer
) -> tuple[list[Prompt], set[int]]:
    parts = [_parts(each.sequences[-1]) for each in rendered]
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
    """The same; its fault as an error."""
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
