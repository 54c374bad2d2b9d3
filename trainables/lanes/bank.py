"""The adapters of all lanes on one base: one product of the base for all rows, and two batched
products of low rank in which each lane multiplies its own rows with its own matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.nn.functional import pad

from trainables.lanes.adapter import LowRank
from trainables.lanes.layout import Layout, Selection

Hook = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]


class Bank:
    """The base's modules; outside of `active` the base is as it was loaded."""

    def __init__(self, base: torch.nn.Module) -> None:
        self._modules = dict(base.named_modules())
        self._resting = False

    @contextmanager
    def active(self, layout: Layout) -> Iterator[None]:
        """Context in which the adapters of a layout act on its rows, in both passes."""
        handles = [
            self._modules[name].register_forward_hook(self._at_work(hook))
            for name, hook in _hooks(layout).items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Context within `active` in which the base is as it was loaded."""
        self._resting = True
        try:
            yield
        finally:
            self._resting = False

    def _at_work(self, hook: Hook) -> Hook:
        def unless_resting(
            module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
        ) -> torch.Tensor:
            return output if self._resting else hook(module, inputs, output)

        return unless_resting


def _hooks(layout: Layout) -> dict[str, Hook]:
    adapted = dict.fromkeys(name for each in layout.adapters for name in each.low_rank)
    heads = dict.fromkeys(name for each in layout.adapters for name in each.heads)
    return {
        **{name: _adapted(layout, name) for name in adapted},
        **{name: _replaced(layout, name) for name in heads},
    }


def _replaced(layout: Layout, name: str) -> Hook:
    """Each lane's own module in place of the base's."""
    heads, spans = [each.heads[name] for each in layout.adapters], layout.spans()

    def hook(
        _: torch.nn.Module, inputs: tuple[torch.Tensor, ...], __: torch.Tensor
    ) -> torch.Tensor:
        parts = [head(inputs[0][span]) for head, span in zip(heads, spans, strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    return hook


def _adapted(layout: Layout, name: str) -> Hook:
    lanes = layout.lanes_of(name)
    parts = [layout.adapters[lane].low_rank[name] for lane in lanes]
    selection = layout.selection(lanes)
    rank = max(len(part.a) for part in parts)
    scaling = _scaling(parts)

    def hook(
        _: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> torch.Tensor:
        entered = inputs[0]
        if not torch.is_autocast_enabled(entered.device.type):
            entered = entered.to(parts[0].a.dtype)
        if layout.dropout is not None:
            entered = layout.dropout(entered, name)
        chosen = entered if selection is None else entered[selection.rows]
        low = torch.bmm(chosen.reshape(len(lanes), -1, chosen.shape[-1]), _downs(parts, rank).mT)
        low = low * (scaling if isinstance(scaling, float) else scaling.to(low))
        return _added(output, low, _ups(parts, rank).mT, selection)

    return hook


def _added(
    output: torch.Tensor, low: torch.Tensor, ups: torch.Tensor, selection: Selection | None
) -> torch.Tensor:
    if selection is None:
        flat = output.reshape(len(ups), -1, output.shape[-1])
        return torch.baddbmm(flat.to(low.dtype), low, ups).view_as(output).to(output.dtype)
    added = torch.bmm(low, ups).view(len(selection.rows), *output.shape[1:])
    return output.index_add(0, selection.owners, added[selection.real].to(output.dtype))


def _downs(parts: Sequence[LowRank], rank: int) -> torch.Tensor:
    """[lanes, rank, inputs]: the A of each, with rows of zeros up to the highest rank."""
    if len(parts) == 1:
        return parts[0].a[None]
    return torch.stack(
        [pad(p.a, (0, 0, 0, rank - len(p.a))) if len(p.a) < rank else p.a for p in parts]
    )


def _ups(parts: Sequence[LowRank], rank: int) -> torch.Tensor:
    """[lanes, outputs, rank]: the B of each, with columns of zeros up to the highest rank."""
    if len(parts) == 1:
        return parts[0].b[None]
    return torch.stack([pad(p.b, (0, rank - len(p.a))) if len(p.a) < rank else p.b for p in parts])


def _scaling(parts: Sequence[LowRank]) -> float | torch.Tensor:
    """One number if all are equal, else [lanes, 1, 1]."""
    found = [part.scaling for part in parts]
    if len(set(found)) == 1:
        return found[0]
    return torch.tensor(found, dtype=torch.float64, device=parts[0].a.device)[:, None, None]
