"""What a training step's host reads of tensors: on a GPU it would wait for the device each time."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps

import pytest
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

    def watched(self, method):
        """The method, whose reads are noted."""

        @wraps(method)
        def call(*args, **kwargs):
            with self.watching():
                return method(*args, **kwargs)

        return call

    @staticmethod
    def _place(tensor):
        return tensor.untyped_storage().data_ptr()


@contextmanager
def reads_of_each_step():
    """The reads in all steps of the trials inside, but in their optimizers.

    On a CPU these read counters of their own, which are the host's on a GPU, too.
    """
    from trainables.training.run import Run
    from trainables.training.trainer import TrialTrainer

    reads = HostReads()
    with pytest.MonkeyPatch.context() as patch:
        for place, name in ((Run, "on_step_end"), (TrialTrainer, "training_step")):
            patch.setattr(place, name, reads.watched(getattr(place, name)))
        end, tolist = Run.on_step_end, torch.Tensor.tolist

        def counted(self, args, state, control, **rest):
            reads.step = state.global_step
            control = end(self, args, state, control, **rest)
            reads.step += 1
            return control

        def read(tensor):
            reads.read(tensor)
            return tolist(tensor)

        patch.setattr(Run, "on_step_end", counted)
        patch.setattr(torch.Tensor, "tolist", read)
        reads.step = 1
        with reads:
            yield reads
