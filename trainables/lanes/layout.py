"""Which rows of a batch belong to which lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from trainables.lanes.adapter import Adapter
from trainables.lanes.dropout import Dropout


@dataclass(frozen=True)
class Selection:
    """The rows of some lanes, as many for each: `rows` [lanes * most] are their places in the
    batch, where a lane with fewer repeats one of its own. `real` are the places in `rows` of those
    that are no repetitions, and `owners` their places in the batch.
    """

    rows: torch.Tensor
    real: torch.Tensor
    owners: torch.Tensor


class Layout:
    """The rows of each adapter, one adapter after the other.

    `counts` are their numbers of rows; None if there is only one adapter, which has all rows.
    """

    def __init__(
        self,
        adapters: Sequence[Adapter],
        counts: Sequence[int] | None = None,
        dropout: Dropout | None = None,
        device: torch.device | None = None,
    ) -> None:
        assert counts is not None or len(adapters) == 1, "rows of one adapter need no counting"
        self.adapters = tuple(adapters)
        self.counts = counts
        self.dropout = dropout
        self._device = device
        self._selections: dict[tuple[int, ...], Selection] = {}

    @cached_property
    def even(self) -> bool:
        """Whether all adapters have the same number of rows."""
        return self.counts is None or len(set(self.counts)) == 1

    def lanes_of(self, module: str) -> tuple[int, ...]:
        """The places of the adapters that add to this module."""
        return tuple(n for n, each in enumerate(self.adapters) if module in each.low_rank)

    def spans(self) -> list[slice]:
        """The rows of each adapter."""
        if self.counts is None:
            return [slice(None)]
        ends = torch.tensor(self.counts).cumsum(0).tolist()
        return [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]

    def selection(self, lanes: tuple[int, ...]) -> Selection | None:
        """The rows of these adapters; None if they are the whole batch, as many for each."""
        if self.even and len(lanes) == len(self.adapters):
            return None
        if lanes not in self._selections:
            self._selections[lanes] = self._selected(lanes)
        return self._selections[lanes]

    def _selected(self, lanes: tuple[int, ...]) -> Selection:
        assert self.counts is not None, "one adapter has all rows"
        spans = self.spans()
        most = max(self.counts[lane] for lane in lanes)
        rows: list[int] = []
        real: list[int] = []
        owners: list[int] = []
        for place, lane in enumerate(lanes):
            own = list(range(spans[lane].start, spans[lane].stop))
            # Never another lane's row: 0 times its NaN would be NaN.
            rows += own + own[:1] * (most - len(own))
            real += range(place * most, place * most + len(own))
            owners += own
        made = [torch.tensor(each, device=self._device) for each in (rows, real, owners)]
        return Selection(*made)
