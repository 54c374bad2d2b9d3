"""Training items made longer than any of the data, to see what they would take. Pure."""

from __future__ import annotations

from itertools import cycle

import numpy as np

from trainables.data.tokens.examples import Example
from trainables.data.tokens.packing import Pack
from trainables.data.tokens.sequences import TokenSequence


def stretched(item: Example | Pack, length: int) -> Example | Pack:
    """The item with so many tokens: each sequence of an example is repeated, and so are the
    examples of a pack."""
    if isinstance(item, Example):
        return item._replace(sequences=tuple(_tiled(each, length) for each in item.sequences))
    filled: list[Example] = []
    left = length
    for example in cycle(item.examples):
        sequence = example.sequences[0].cut(left)
        filled.append(example._replace(sequences=(sequence,)))
        left -= len(sequence.tokens)
        if left <= 0:
            return Pack(tuple(filled))
    raise AssertionError("a pack has an example")


def _tiled(sequence: TokenSequence, length: int) -> TokenSequence:
    times = -(-length // len(sequence.tokens))
    tokens, targets = (np.tile(each, times)[:length] for each in sequence)
    return TokenSequence.of(tokens.tolist(), targets.tolist())
