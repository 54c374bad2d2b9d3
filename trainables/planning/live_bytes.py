"""The bytes of all tensors alive, counted as torch makes and drops them."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, every storage that an operation makes is counted until it is dropped.

    Works for real tensors and for those of torch's FakeTensorMode, which have no memory. Tensors on
    the meta device are notes of shapes, and do not count. `kind_of` tells what a tensor is by the
    operation that made it; `parts` are the bytes of each kind at the peak, and `after` is the
    operation then. What ends with `_beside` leaves out what is set aside.
    """

    def __init__(self, kind_of: Callable[[str, torch.Tensor], str] = lambda *_: "") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self.parts: Mapping[str, int] = {}
        self.after = ""
        self.peak_beside = 0
        self.parts_beside: Mapping[str, int] = {}
        self.after_beside = ""
        self._aside = 0
        self._by_kind: Counter[str] = Counter()
        self._kind_of = kind_of
        self._seen = WeakIdKeyDictionary()

    def count(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count tensors from before it was entered."""
        for tensor in tensors:
            self._count(tensor)

    def set_aside(self, tensor: torch.Tensor) -> None:
        """Leave a tensor out of `peak_beside` from now on; it stays alive until the end."""
        storage = tensor.untyped_storage()
        if storage in self._seen:
            self._aside += self._seen[storage]

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation, and count what it made."""
        # Most calls only ask where a tensor without memory would be.
        if func is torch.ops.prim.device.default and isinstance(args[0], FakeTensor):
            return args[0].fake_device
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf, str(func))
        return made

    def _count(self, tensor: torch.Tensor, by: str = "") -> None:
        storage = tensor.untyped_storage()
        if storage in self._seen or tensor.device.type == "meta":
            return
        size, kind = storage.nbytes(), self._kind_of(by, tensor)
        self._seen[storage] = size
        self.now += size
        self._by_kind[kind] += size
        if self.now > self.peak:
            self.peak, self.parts, self.after = self.now, dict(self._by_kind), _moment(by)
        beside = self.now - self._aside
        if beside > self.peak_beside:
            self.peak_beside, self.parts_beside = beside, dict(self._by_kind)
            self.after_beside = _moment(by)
        weakref.finalize(storage, self._drop, size, kind)

    def _drop(self, size: int, kind: str) -> None:
        self.now -= size
        self._by_kind[kind] -= size


def _moment(by: str) -> str:
    """An operation, and the node of the backward pass that it belongs to."""
    node = torch._C._current_autograd_node()
    return f"{by} in {node.name()}" if node is not None else by
