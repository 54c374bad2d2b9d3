"""Texts and pairs of texts as a classifier reads them, cut to length.

A decoder reads bos (if its tokenizer starts with one), the text, and eos; the texts of a pair have
a line break between them. An encoder reads what its own tokenizer makes of a text or a pair, with
all special tokens. Of a pair that is too long, the longer text is cut first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trainables.data.tokens.sequences import TokenArray
from trainables.data.tokens.tokenizer import Tokenizer, encode, leading_bos, require_eos

JOINT = "\n"
"""Between the texts of a pair, for a decoder."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """The form in which a model reads texts; `token_types` tells its pairs apart."""

    encoder: bool = False
    token_types: bool = False


DECODER = TextForm()


class Text(NamedTuple):
    """A text and, of a pair, the second text."""

    first: str
    second: str | None = None


class EncodedText(NamedTuple):
    """The tokens; the first token of type 1, or 0 if all are of type 0; whether some were cut."""

    tokens: TokenArray
    second: int = 0
    cut: bool = False


def encoded(
    texts: Sequence[Text], tokenizer: Tokenizer, length: int, form: TextForm = DECODER
) -> list[EncodedText]:
    """Each text in at most `length` tokens; none of them is a target."""
    if not texts:
        return []
    if form.encoder:
        return _by_its_tokenizer(texts, tokenizer, length, form)
    bos, eos = leading_bos(tokenizer), [require_eos(tokenizer)[1]]
    room = length - len(bos) - 1
    wholes = encode(tokenizer, [_joined(text) for text in texts])
    found = []
    for text, whole in zip(texts, wholes, strict=True):
        ids = whole if len(whole) <= room else _cut(text, whole, tokenizer, room)
        tokens = np.asarray([*bos, *ids, *eos], dtype=np.int32)
        found.append(EncodedText(tokens, cut=len(whole) > room))
    return found


def shares(first: int, second: int, room: int) -> tuple[int, int]:
    """The tokens kept of two texts, the longer one cut first."""
    half = room // 2
    if first + second <= room:
        return first, second
    if second <= half:
        return room - second, second
    return (first, room - first) if first <= room - half else (room - half, half)


def _joined(text: Text) -> str:
    return text.first if text.second is None else JOINT.join((text.first, text.second))


def _cut(text: Text, whole: list[int], tokenizer: Tokenizer, room: int) -> list[int]:
    if text.second is None:
        return whole[:room]
    first, joint, second = encode(tokenizer, [text.first, JOINT, text.second])
    kept = shares(len(first), len(second), room - len(joint))
    return [*first[: kept[0]], *joint, *second[: kept[1]]]


def _by_its_tokenizer(
    texts: Sequence[Text], tokenizer: Tokenizer, length: int, form: TextForm
) -> list[EncodedText]:
    wholes = _called(texts, tokenizer, form)
    long = [place for place, ids in enumerate(wholes["input_ids"]) if len(ids) > length]
    limits = {"truncation": "longest_first", "max_length": length}
    cut = _called([texts[place] for place in long], tokenizer, form, **limits) if long else {}
    found = [_encoded(wholes, place) for place in range(len(texts))]
    for number, place in enumerate(long):
        found[place] = _encoded(cut, number)._replace(cut=True)
    return found


def _called(
    texts: Sequence[Text], tokenizer: Tokenizer, form: TextForm, **options: object
) -> Mapping[str, list[list[int]]]:
    """What the tokenizer gives by itself, without token types that the model cannot read."""
    paired = texts[0].second is not None
    return tokenizer(
        [text.first for text in texts],
        text_pair=[text.second or "" for text in texts] if paired else None,
        return_attention_mask=False,
        return_token_type_ids=None if form.token_types and paired else False,
        verbose=False,
        **options,
    )


def _encoded(called: Mapping[str, list[list[int]]], place: int) -> EncodedText:
    types = called["token_type_ids"][place] if "token_type_ids" in called else []
    second = types.index(1) if 1 in types else 0
    return EncodedText(np.asarray(called["input_ids"][place], dtype=np.int32), second)
