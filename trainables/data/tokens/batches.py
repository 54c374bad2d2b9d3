"""Order of the sequences, and collation of several into one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainables.data.tokens.examples import Example
from trainables.data.tokens.sequences import IntArray, TokenSequence

IGNORED = -100
"""The label of non-target tokens, as in torch's cross entropy."""

BatchArrays = dict[str, IntArray | npt.NDArray[np.float32]]
"""A model's inputs, by name."""


def collate(examples: Sequence[Example], pad_id: int) -> BatchArrays:
    """The result of `pad`, with `label`, `weight` (float32) and `place`, each [examples], and with
    `token_type_ids` if there are pairs of texts.

    All first sequences come before all second ones. Several labels are [examples, labels].
    """
    ordered = [each for part in zip(*[e.sequences for e in examples], strict=True) for each in part]
    padded = pad(ordered, pad_id)
    return {
        **padded,
        **_token_types(examples, padded["attention_mask"]),
        "label": np.array([example.label for example in examples], dtype=np.float32),
        "weight": np.array([example.weight for example in examples], dtype=np.float32),
        "place": np.array([example.place for example in examples]),
    }


def _token_types(examples: Sequence[Example], mask: IntArray) -> dict[str, IntArray]:
    """1 for the tokens of second texts."""
    starts = np.array([[example.second] for example in examples])
    if not starts.any():
        return {}
    at = np.arange(mask.shape[1])
    return {"token_type_ids": ((starts > 0) & (at >= starts) & (mask > 0)).astype(np.int64)}


def pad(sequences: Sequence[TokenSequence], pad_id: int) -> dict[str, IntArray]:
    """`input_ids`, `attention_mask` and `labels`, each [sequences, longest], padded on the right.

    Labels are not shifted: causal models of transformers do that themselves. `targets` are the
    places of all targets in the flattened [sequences, longest - 1] tokens after the first ones.
    """
    shape = (len(sequences), max(len(tokens) for tokens, _ in sequences))
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    attention_mask = np.zeros(shape, dtype=np.int64)
    labels = np.full(shape, IGNORED, dtype=np.int64)
    for row, (tokens, targets) in enumerate(sequences):
        input_ids[row, : len(tokens)] = tokens
        attention_mask[row, : len(tokens)] = 1
        labels[row, : len(tokens)] = np.where(targets, tokens, IGNORED)
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "labels": labels,
        "targets": np.flatnonzero(labels[:, 1:] != IGNORED),
    }


def order(n: int, count: int, seed: int) -> IntArray:
    """The first `count` indices of an endless stream over `n` sequences, reshuffled each epoch.

    Epoch e is a permutation that depends only on (seed, e), so all batch sizes and numbers of
    workers draw from the same stream.
    """
    assert n > 0 or count == 0, "there is nothing to order"
    epochs = -(-count // max(n, 1))
    shuffled = [np.random.default_rng([seed, epoch]).permutation(n) for epoch in range(epochs)]
    return np.concatenate([np.empty(0, dtype=np.int64), *shuffled])[:count]


def mixed_order(n: int, replayed: int, proportion: float, count: int, seed: int) -> IntArray:
    """The first `count` indices of a stream with a `proportion` from a replay set.

    Replay examples are numbered after the `n` of the training set. They are spread evenly, so every
    stretch of the stream has its share. Each set has its own order, as in `order`.
    """
    due = np.floor(np.arange(count + 1) * proportion + 1e-9)
    from_replay = np.diff(due) > 0
    mixed = np.empty(count, dtype=np.int64)
    mixed[~from_replay] = order(n, int((~from_replay).sum()), seed)
    mixed[from_replay] = n + order(replayed, int(from_replay.sum()), seed)
    return mixed
