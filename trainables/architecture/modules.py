"""The modules of a transformer: its blocks, their attention and feed-forward parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn
from transformers.pytorch_utils import Conv1D

PARTS: Mapping[str, tuple[str, ...]] = {
    "attention": ("attn", "attention"),
    "mlp": ("mlp", "feed_forward", "ffn"),
}
"""Names of a block's parts in commonly fine-tuned architectures."""


def is_linear(module: nn.Module) -> bool:
    """Whether it is a linear layer; GPT-2's are Conv1D, with transposed weights."""
    return isinstance(module, nn.Linear | Conv1D)


def blocks(model: nn.Module) -> dict[str, nn.Module]:
    """The transformer blocks by full name, from first to last; ValueError if there are none."""
    lists = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.ModuleList) and len(m)]
    stacks = [(name, stack) for name, stack in lists if _is_stack(stack)]
    if not stacks:
        raise ValueError(f"no transformer blocks found in {type(model).__name__}")
    name, stack = max(stacks, key=lambda found: len(found[1]))
    return {f"{name}.{place}": block for place, block in enumerate(stack)}


def sublayers(model: nn.Module, part: str) -> list[str]:
    """The full names of each block's attention or mlp; ValueError if none has a known name."""
    found = [
        f"{block_name}.{name}"
        for block_name, block in blocks(model).items()
        for name, child in block.named_children()
        if any(word in name for word in PARTS[part]) and any(map(is_linear, child.modules()))
    ]
    if not found:
        raise ValueError(
            f"the blocks of {type(model).__name__} have no part named like {PARTS[part]}"
        )
    return found


def linear_modules_in(model: nn.Module, part: str) -> list[str]:
    """The full names of all linear layers in each block's attention or mlp."""
    modules = dict(model.named_modules())
    return [
        f"{place}.{name}" if name else place
        for place in sublayers(model, part)
        for name, module in modules[place].named_modules()
        if is_linear(module)
    ]


def modules_named(model: nn.Module, endings: Iterable[str], field: str) -> list[str]:
    """The full names of the modules with one of these endings.

    ValueError, naming `field`, if an ending has no match.
    """
    names = [name for name, _ in model.named_modules() if name]
    found: list[str] = []
    for ending in endings:
        matches = [name for name in names if f".{name}".endswith(f".{ending}")]
        if not matches:
            known = dict.fromkeys(last for name in names if not (last := _last(name)).isdigit())
            raise ValueError(
                f"{field}: {type(model).__name__} has no module named {ending!r}; it has "
                f"{', '.join(known)}"
            )
        found += matches
    return found


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_stack(modules: nn.ModuleList) -> bool:
    """Whether the modules are blocks: all of one kind, with linear layers in their parts."""
    one_kind = len({type(module) for module in modules}) == 1
    return one_kind and any(map(is_linear, modules[0].modules())) and not is_linear(modules[0])
