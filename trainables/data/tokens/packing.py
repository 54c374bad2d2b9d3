"""Packing of several short examples into one sequence, and batches of packs."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainables.core.data_error import DataError
from trainables.data.tokens.batches import BatchArrays, collate, pad
from trainables.data.tokens.examples import Example, Examples
from trainables.data.tokens.sequences import IntArray, TokenSequence


class Pack(NamedTuple):
    """Single-sequence examples, one after another in one row of a batch."""

    examples: tuple[Example, ...]

    def joined(self) -> TokenSequence:
        """All tokens; an example's first is no target, so none is predicted from other examples."""
        sequences = [example.sequences[0] for example in self.examples]
        return TokenSequence(
            np.concatenate([each.tokens for each in sequences]),
            np.concatenate([each.targets for each in sequences]),
        )


class Packs:
    """A set of examples as packs, grouped as in `write_packs`."""

    def __init__(self, examples: Examples) -> None:
        folder = examples.folder
        if not (folder / "packs.npy").is_file():
            raise DataError(f"{folder} was prepared without data.packing; prepare it again")
        self._examples = examples
        self._indices: IntArray = np.load(folder / "packs.npy")
        self._offsets: IntArray = np.load(folder / "pack_offsets.npy")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Pack:
        inside = self._indices[self._offsets[index] : self._offsets[index + 1]]
        return Pack(tuple(self._examples[int(place)] for place in inside))

    @property
    def lengths(self) -> IntArray:
        """Tokens of each pack."""
        lengths: IntArray = np.add.reduceat(
            self._examples.lengths[self._indices], self._offsets[:-1], dtype=np.int64
        )
        return lengths


def best_fit(lengths: Sequence[int] | IntArray, capacity: int) -> list[list[int]]:
    """The indices in each bin, by best-fit decreasing; deterministic.

    Longest first, each goes into the bin with the least room left over, or into a new bin if none
    fits (Johnson 1974; at most 11/9 of the minimum number of bins, plus a constant). None is split.
    """
    bins: list[list[int]] = []
    with_room: dict[int, list[int]] = defaultdict(list)
    rooms: list[int] = []
    for index in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        length = int(lengths[index])
        assert 0 < length <= capacity, "an example is no longer than a sequence"
        at = bisect_left(rooms, length)
        if at < len(rooms):
            room = rooms[at]
            chosen = with_room[room].pop()
            if not with_room[room]:
                rooms.pop(at)
        else:
            room, chosen = capacity, len(bins)
            bins.append([])
        bins[chosen].append(index)
        left = room - length
        if not with_room[left]:
            insort(rooms, left)
        with_room[left].append(chosen)
    return bins


def write_packs(folder: Path, packs: Sequence[Sequence[int]]) -> None:
    """Add the grouping into packs to a folder of examples."""
    np.save(folder / "packs.npy", np.concatenate([np.array(each, np.int64) for each in packs]))
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in packs])])
    np.save(folder / "pack_offsets.npy", offsets.astype(np.int64))


def collate_items(items: Sequence[Example | Pack], pad_id: int) -> BatchArrays:
    """A batch of examples as from `collate`, or of packs as from `collate_packs`, never of both."""
    packs = [each for each in items if isinstance(each, Pack)]
    if packs:
        return collate_packs(packs, pad_id)
    return collate([each for each in items if isinstance(each, Example)], pad_id)


def collate_packs(packs: Sequence[Pack], pad_id: int) -> BatchArrays:
    """`input_ids`, `labels`, `position_ids` and `weight`, each [packs, longest], and `targets`.

    Positions restart at each example and at the padding; without an attention mask, a model of
    transformers lets no token attend across a restart. `weight` (float32) is that of each token's
    example.
    """
    batch = pad([pack.joined() for pack in packs], pad_id)
    mask = batch.pop("attention_mask")
    position_ids = np.maximum(np.cumsum(1 - mask, axis=1) - 1, 0)
    weight = np.ones(mask.shape, dtype=np.float32)
    for row, pack in enumerate(packs):
        lengths = [len(example.sequences[0].tokens) for example in pack.examples]
        position_ids[row, : sum(lengths)] = np.concatenate([np.arange(each) for each in lengths])
        weight[row, : sum(lengths)] = np.repeat([each.weight for each in pack.examples], lengths)
    return {**batch, "position_ids": position_ids, "weight": weight}
