"""Whether a model keeps the rows of a batch apart, so that each can have an adapter of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from trainables.lanes.adapter import Adapter

_ROWS, _LENGTH = 3, 5
"""The shape of the test's batch."""


@dataclass(frozen=True)
class Rowwise:
    """What is known of a base: `tokens` are the modules called with [rows, length, columns], and
    `rows` those called with rows of any kind, each once in a pass; `drops` is a dropout of its own.
    """

    tokens: frozenset[str]
    rows: frozenset[str]
    drops: str | None

    @property
    def why_all_alone(self) -> str | None:
        """Why no trained part can share the base."""
        if self.drops:
            return f"{self.drops} of the model itself, which is drawn for whole batches"
        return None

    def why_alone(self, adapter: Adapter, outside: Iterable[str]) -> str | None:
        """Why this trained part cannot share the base; `outside` are modules asked apart."""
        if why := self.why_all_alone:
            return why
        outside = set(outside)
        for name in adapter.low_rank:
            if name not in self.tokens or name in outside:
                return f"{name} is not called once with the tokens of each row"
        for name in adapter.heads:
            if name not in self.rows:
                return f"{name} is not called once with each row"
        return None


@torch.no_grad()
def rowwise(model: PreTrainedModel) -> Rowwise:
    """Ask the model with a small batch, and look how it calls its modules."""
    calls: dict[str, list[tuple[int, ...]]] = {}

    def watched(name: str) -> RemovableHandle:
        def hook(_: torch.nn.Module, inputs: tuple[object, ...], __: object) -> None:
            first = inputs[0] if inputs else None
            calls.setdefault(name, []).append(
                tuple(first.shape) if isinstance(first, torch.Tensor) else ()
            )

        handle: RemovableHandle = model.get_submodule(name).register_forward_hook(hook)
        return handle

    was_training = model.training
    model.eval()
    handles = [watched(name) for name, _ in model.named_modules() if name]
    try:
        tokens = torch.arange(_ROWS * _LENGTH, device=model.device).view(_ROWS, _LENGTH) % 4 + 3
        model(input_ids=tokens)
    finally:
        for handle in handles:
            handle.remove()
        model.train(was_training)
    once = {name: shapes[0] for name, shapes in calls.items() if len(shapes) == 1}
    return Rowwise(
        frozenset(name for name, s in once.items() if len(s) == 3 and s[:2] == (_ROWS, _LENGTH)),
        frozenset(name for name, shape in once.items() if shape[:1] == (_ROWS,)),
        _own_dropout(model),
    )


def _own_dropout(model: PreTrainedModel) -> str | None:
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd) and module.p > 0:
            return f"{name} (p {module.p:g})"
    settings = model.config.get_text_config()
    for field, value in settings.to_dict().items():
        if "dropout" in field and "classifier" not in field and isinstance(value, float) and value:
            return f"{field} {value:g}"
    return None
