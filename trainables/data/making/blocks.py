"""Sequences for pretraining: documents joined end to end and cut into blocks of equal length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainables.core.progress import NO_GAUGE, Gauge
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer, encode, leading_bos, require_eos

_AT_ONCE = 1000
"""Documents tokenised at once: their ids are Python integers, which take seven times the memory."""


def tokenise(
    documents: Sequence[str], tokenizer: Tokenizer, gauge: Gauge = NO_GAUGE
) -> list[TokenSequence]:
    """Each document's tokens, closed by eos; all are targets except a tokenizer's leading bos.

    The gauge counts documents.
    """
    bos, eos = leading_bos(tokenizer), require_eos(tokenizer)[1]
    tokenised = []
    for start in range(0, len(documents), _AT_ONCE):
        part = documents[start : start + _AT_ONCE]
        tokenised += [
            TokenSequence.of([*bos, *ids, eos], [False] * len(bos) + [True] * (len(ids) + 1))
            for ids in encode(tokenizer, part)
        ]
        gauge.advance(len(part))
    return tokenised


def blocks(documents: Sequence[TokenSequence], length: int) -> list[TokenSequence]:
    """Blocks of `length` tokens; a last, shorter one is kept if it has a target.

    A block's first token is not a target: nothing in the block predicts it.
    """
    if not documents:
        return []
    tokens = np.concatenate([document.tokens for document in documents])
    targets = np.concatenate([document.targets for document in documents])
    targets[::length] = False
    starts = range(0, len(tokens), length)
    cut = [TokenSequence(tokens[at : at + length], targets[at : at + length]) for at in starts]
    return [block for block in cut if block.targets.any()]
