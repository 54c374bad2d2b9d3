"""Blocks of a model compiled in place by torch, and as they were again."""

from __future__ import annotations

from contextlib import ExitStack

import torch

from trainables.architecture.modules import blocks

BACKEND = "inductor"

_before = ExitStack()
"""Restores how the process compiled before."""


def compile_blocks(model: torch.nn.Module) -> None:
    """Compile each transformer block; equal ones share their code.

    Not the whole model: its head is called apart, and its blocks are what repeats. Lengths differ
    from batch to batch, so shapes stay open.
    """
    # A 4-bit base on a CPU has turned compilation off for the process (`settle_on_cpu`).
    _before.enter_context(torch.compiler.set_stance("default"))
    for block in blocks(model).values():
        block.compile(backend=BACKEND, dynamic=True)


def uncompile(model: torch.nn.Module) -> None:
    """Undo `compile_blocks`, and free the code, which refers to a trial's modules."""
    compiled = [each for each in model.modules() if each._compiled_call_impl is not None]
    for module in compiled:
        module._compiled_call_impl = None
    if compiled:
        torch._dynamo.reset()
        _before.close()
