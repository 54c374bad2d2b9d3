"""A tick: which examples of which lanes go through the base together, and as what batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch

from trainables.data.tokens.batches import IGNORED
from trainables.data.tokens.packing import Pack, collate_items
from trainables.lanes.dropout import Dropout, RowKey
from trainables.lanes.lane import Item, Lane
from trainables.losses.batch import Batch, to_batch, to_device

_OF_EXAMPLES = ("label", "weight", "place")
"""Arrays of `collate` with one entry for each example; all others have one for each row."""

_TARGETS = "targets"
"""The array of places in the whole batch, in order."""

_FIXED = (*_OF_EXAMPLES, _TARGETS)
"""Arrays that have no entry for each row."""


@dataclass(frozen=True)
class Share:
    """The items of one lane in a tick."""

    lane: Lane
    items: tuple[Item, ...]

    @property
    def rows(self) -> int:
        """Its rows of the batch."""
        return sum(len(item.sequences) for item in self.items)

    @property
    def tokens(self) -> int:
        """Tokens without padding."""
        return sum(len(each.tokens) for item in self.items for each in item.sequences)


@dataclass(frozen=True)
class Parts:
    """A tick's batch on the device, and the parts of it that are each lane's."""

    batch: Batch
    lanes: tuple[Batch, ...]


def chosen(
    lanes: Sequence[Lane], budget: int | None, first: int = 0, useful: int | None = None
) -> list[Share]:
    """What each lane adds to a tick: up to its own micro-batch of what its step has left.

    With a budget in tokens, padding included, lanes from the `first` on in a circle take part as
    long as there is room; the first has at least one item. Beyond `useful` tokens no other lane
    joins a tick: the device is busy. The shares are in the lanes' order.
    """
    shares: dict[int, Share] = {}
    rows = width = 0
    for offset in range(len(lanes)):
        place = (first + offset) % len(lanes)
        lane, items = lanes[place], list[Item]()
        offered = lane.left[: lane.plan.micro_batch_size]
        if useful is not None and rows and _tokens(width, rows, offered) > useful:
            continue
        for item in offered:
            wider, more = max(width, item.width), rows + len(item.sequences)
            if budget is not None and wider * more > budget and rows:
                break
            width, rows = wider, more
            items.append(item)
        if items:
            shares[place] = Share(lane, tuple(items))
    return [shares[place] for place in sorted(shares)]


def _tokens(width: int, rows: int, added: Sequence[Item]) -> int:
    """Of a batch with these as well, padding included."""
    widest = max(width, *(item.width for item in added))
    return widest * (rows + sum(len(item.sequences) for item in added))


def parts_of(shares: Sequence[Share], pad_id: int, device: torch.device) -> Parts:
    """The batch of all shares, the rows of each lane together."""
    contents = [item.content for share in shares for item in share.items]
    arrays = collate_items(contents, pad_id)
    packed = isinstance(contents[0], Pack)
    arity = len(shares[0].items[0].sequences)
    counts = [len(share.items) for share in shares]
    if arity > 1:
        order = _by_lane(counts, arity)
        arrays = {n: a if n in _FIXED else a[order] for n, a in arrays.items()}
        arrays[_TARGETS] = np.flatnonzero(arrays["labels"][:, 1:] != IGNORED)
    batch = to_device(to_batch(arrays), device)
    ends = np.cumsum(counts).tolist()
    spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    return Parts(batch, tuple(_part(batch, span, arity, packed) for span in spans))


def dropout_of(shares: Sequence[Share], width: int, device: torch.device) -> Dropout | None:
    """The dropout of all rows; None if no lane has any."""
    if not any(share.lane.adapter.dropout for share in shares):
        return None
    rows = [
        RowKey(share.lane.config.seed, item.place, sequence, share.lane.adapter.dropout)
        for share in shares
        for sequence in range(len(share.items[0].sequences))
        for item in share.items
    ]
    return Dropout(rows, width, device)


def _by_lane(counts: Sequence[int], arity: int) -> np.ndarray:
    """From all first sequences before all second ones, to the same within each lane."""
    total, starts = sum(counts), np.cumsum([0, *counts])
    return np.concatenate(
        [
            np.arange(start, start + count) + sequence * total
            for start, count in zip(starts, counts, strict=False)
            for sequence in range(arity)
        ]
    )


def _part(batch: Batch, span: slice, arity: int, packed: bool) -> Batch:
    rows = slice(span.start * arity, span.stop * arity)
    arrays = cast(Mapping[str, torch.Tensor], batch)
    found = {
        name: array[span if name in _OF_EXAMPLES and not packed else rows]
        for name, array in arrays.items()
        if name != _TARGETS
    }
    first, end = (place * (batch["labels"].shape[1] - 1) for place in (rows.start, rows.stop))
    within = slice(*np.searchsorted(batch["targets"], [first, end]))
    return cast(Batch, {**found, _TARGETS: batch["targets"][within] - first})
