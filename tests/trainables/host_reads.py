"""What a training step's host reads of tensors: on a GPU it would wait for the device each time."""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class HostReads(TorchDispatchMode):
    """Notes, while watched code runs, each read of what the same step has computed.

    `fresh` has the step of each. What was computed in an earlier step a device is through with.
    """

    def __init__(self):
        super().__init__()
        self.fresh = []
        self.step = 0
        self._watching = False
        self._written = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            self.read(args[0])
        out = func(*args, **(kwargs or {}))
        changed = [args[0]] if args and func._schema.is_mutable else []
        for tensor in tree_leaves((out, changed)):
            if isinstance(tensor, torch.Tensor):
                self._written[self._place(tensor)] = self.step
        return out

    def read(self, tensor):
        """The host looks at the tensor's values."""
        if self._watching and self._written.get(self._place(tensor)) == self.step:
            self.fresh.append(self.step)

    @contextmanager
    def watching(self):
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    @staticmethod
    def _place(tensor):
        return tensor.untyped_storage().data_ptr()


@contextmanager
def reads_after_each_step():
    """The reads between the end of each optimizer step and the next step, of all trials inside."""
    from trainables.run import Run

    reads, on_step_end, tolist = HostReads(), Run.on_step_end, torch.Tensor.tolist

    def watched_end(self, args, state, control, **rest):
        reads.step = state.global_step
        with reads.watching():
            control = on_step_end(self, args, state, control, **rest)
        reads.step += 1
        return control

    def watched_tolist(self):
        reads.read(self)
        return tolist(self)

    Run.on_step_end, torch.Tensor.tolist = watched_end, watched_tolist
    reads.step = 1
    try:
        with reads:
            yield reads
    finally:
        Run.on_step_end, torch.Tensor.tolist = on_step_end, tolist
