"""From a conversation to token ids, of which only the answers are trained.

A tokenizer's own chat template is used if it has one: the trained part of a turn is the difference
between the chat rendered with the answer and rendered as a prompt, up to the token that ends the
turn. Otherwise the default template is used, whose only special token is eos:

    ### System:\\n{system}\\n\\n### User:\\n{question}\\n\\n### Assistant:\\n{answer}{eos}

with "\\n\\n" between an eos and the next header, and "### Tool:" above a tool's result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from trainables.core.data_error import DataError, said
from trainables.data.records.conversation import Conversation, Role
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer, encode, leading_bos, require_eos

DEFAULT_HEADERS: Mapping[Role, str] = {
    "system": "### System:\n",
    "user": "### User:\n",
    "assistant": "### Assistant:\n",
    "tool": "### Tool:\n",
}
"""The default template's header of each turn; TURN_SEPARATOR separates turns."""

TURN_SEPARATOR = "\n\n"

_CHUNK = 1000


class Segment(NamedTuple):
    """A stretch of a rendered chat, wholly trained or wholly untrained."""

    text: str
    trained: bool


def render(chats: Iterable[Conversation], tokenizer: Tokenizer) -> Iterator[TokenSequence]:
    """The tokens of each chat, in order; targets are its answers with their end-of-turn tokens.

    Each chat must have a trained answer (see Conversation.reason_to_drop). With a chat template
    the ids are those of `apply_chat_template`; with the default one, a bos comes first if the
    tokenizer adds it to any text.
    """
    bos = [] if tokenizer.chat_template else leading_bos(tokenizer)
    remaining = iter(chats)
    while chunk := list(islice(remaining, _CHUNK)):
        yield from _tokenise([segments(chat, tokenizer) for chat in chunk], tokenizer, bos)


def segments(chat: Conversation, tokenizer: Tokenizer) -> list[Segment]:
    """A chat up to its last trained answer as text, in trained and untrained stretches."""
    chat = chat.up_to_last_answer()
    if tokenizer.chat_template:
        return _by_template(chat, tokenizer)
    return _by_default(chat, require_eos(tokenizer)[0])


def _by_default(chat: Conversation, eos: str) -> list[Segment]:
    parts: list[Segment] = []
    prompt = ""
    for place, message in enumerate(chat.messages):
        prompt += (TURN_SEPARATOR if place else "") + DEFAULT_HEADERS[message.role]
        ending = eos if message.role == "assistant" else ""
        if message.trainable:
            parts += [Segment(prompt, False), Segment(message.content + ending, True)]
            prompt = ""
        else:
            prompt += message.content + ending
    return parts


def _by_template(chat: Conversation, tokenizer: Tokenizer) -> list[Segment]:
    parts: list[Segment] = []
    written = ""
    for place, message in enumerate(chat.messages):
        if not message.trainable:
            continue
        prompt = _rendered(chat, place, tokenizer, prompt=True)
        answered = _rendered(chat, place + 1, tokenizer, prompt=False)
        _check_prefix(written, prompt, chat, place)
        _check_prefix(prompt, answered, chat, place)
        answered = _without_padding(answered, len(prompt), tokenizer)
        parts += [
            Segment(prompt[len(written) :], False),
            Segment(answered[len(prompt) :], True),
        ]
        written = answered
    return parts


def _rendered(chat: Conversation, count: int, tokenizer: Tokenizer, *, prompt: bool) -> str:
    turns: list[dict[str, str]] = [
        {"role": turn.role, "content": turn.content} for turn in chat.messages[:count]
    ]
    try:
        return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=prompt)
    except Exception as error:  # a template is a program and can raise anything
        raise DataError(
            f"{chat.where}: the chat template of {tokenizer.name_or_path} refuses this chat "
            f"({said(error)}); change the chat, or use a tokenizer with another template"
        ) from error


def _check_prefix(earlier: str, later: str, chat: Conversation, place: int) -> None:
    if not later.startswith(earlier):
        raise DataError(
            f"{chat.where} turn {place + 1}: the chat template is not prefix-consistent (adding "
            "a turn changes how the turns before it are written), so its answers cannot be told "
            "from its prompts; use chats of one answer, or a template that only appends"
        )


def _without_padding(answered: str, start: int, tokenizer: Tokenizer) -> str:
    """The text without the template's white space after the end-of-turn token."""
    trimmed = answered[:start] + answered[start:].rstrip()
    ends_in_token = trimmed.endswith(tuple(tokenizer.get_added_vocab()))
    return trimmed if ends_in_token else answered


def _tokenise(
    chats: Sequence[Sequence[Segment]], tokenizer: Tokenizer, bos: Sequence[int]
) -> Iterator[TokenSequence]:
    beginnings = [list(accumulate(part.text for part in chat)) for chat in chats]
    encoded = iter(encode(tokenizer, [text for texts in beginnings for text in texts]))
    for chat in chats:
        tokens, targets = list(bos), [False] * len(bos)
        pieces = _cut(chat, list(islice(encoded, len(chat))), tokenizer)
        for part, piece in zip(chat, pieces, strict=True):
            tokens += piece
            targets += [part.trained] * len(piece)
        yield TokenSequence.of(tokens, targets)


def _cut(
    chat: Sequence[Segment], beginnings: Sequence[list[int]], tokenizer: Tokenizer
) -> list[list[int]]:
    """The ids of each segment, so that a prompt has the same ids as at inference.

    `beginnings` are the ids of the chat up to the end of each segment. A segment's ids are those it
    adds, unless a token crosses its border: then the segment is encoded by itself.
    """
    pieces: list[list[int]] = []
    before: list[int] = []
    for part, upto in zip(chat, beginnings, strict=True):
        joined = upto[: len(before)] == before
        pieces.append(upto[len(before) :] if joined else encode(tokenizer, [part.text])[0])
        before = upto
    return pieces
