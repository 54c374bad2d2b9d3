"""The bytes of trained text, which unlike tokens are the same for every tokenizer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer


def text_bytes(sequence: TokenSequence, tokenizer: Tokenizer) -> int:
    """The UTF-8 bytes of the targets' text, decoded after the tokens before them.

    Special tokens count as no text, and a byte of a character cut short as one.
    """
    tokens, targets = sequence
    borders = np.flatnonzero(np.diff(targets, prepend=False, append=False))
    upto = {end: _bytes(tokenizer, tokens[:end].tolist()) for end in borders.tolist()}
    return sum(upto[end] - upto[start] for start, end in [*pairwise(borders.tolist())][::2])


def _bytes(tokenizer: Tokenizer, ids: list[int]) -> int:
    text = tokenizer.decode(ids, skip_special_tokens=True)
    return len(text.replace("\ufffd", "?").encode())
