"""Layers whose weights are used without calling them, as by the mixers of state-space models.

An adapter on such a layer is skipped, so that it trains nothing, or breaks the merge. The modules'
own source tells: no list of architectures would know the next one.
"""

from __future__ import annotations

import inspect
import re
from functools import cache

from torch import nn

from trainables.architecture.modules import is_linear

_READ = re.compile(r"\bself\.(\w+)\.weight\b(?!\[|\.(?:dtype|device|shape|size|dim))")
"""Excludes BLOOM's slices, which only repeat a pretraining's rounding, and mere questions."""


def used_directly(model: nn.Module) -> list[str]:
    """The full names of layers whose parent reads their weight itself."""
    return [
        f"{name}.{child}" if name else child
        for name, module in model.named_modules()
        for child in _read_by(type(module))  # type: ignore[arg-type]  # types are hashable
        if isinstance(layer := getattr(module, child, None), nn.Module) and _is_layer(layer)
    ]


def _is_layer(module: nn.Module) -> bool:
    return is_linear(module) or isinstance(module, nn.Conv1d)


@cache
def _read_by(kind: type[nn.Module]) -> tuple[str, ...]:
    """The attributes whose weights a class reads in its own methods."""
    if kind.__module__.startswith(("torch.", "peft.", "bitsandbytes.")):
        return ()
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return ()  # a class without source, as one made at run time
    return tuple(dict.fromkeys(_READ.findall(source)))
