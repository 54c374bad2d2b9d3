"""The modules of a transformer: its blocks, their attention and feed-forward parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn
from transformers.pytorch_utils import Conv1D

from trainables.core.errors import MisfitError

PARTS: Mapping[str, tuple[str, ...]] = {
    "attention": ("attn", "attention"),
    "mlp": ("mlp", "feed_forward", "ffn", "moe"),
}
"""Names of a block's parts in commonly fine-tuned architectures."""

_LOOSE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "mlp": (("fc1", "fc2"), ("intermediate", "output"))
}
"""The first and last layer of a part without a module of its own: OPT's and BERT's."""

_MIXERS = ("mixer", "mamba")
"""Names of a block's part that mixes tokens without attention."""


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


def linear_modules_in(model: nn.Module, part: str) -> list[str]:
    """The full names of all linear layers in each block's attention or mlp."""
    modules = dict(model.named_modules())
    places = [place for block in blocks(model) for place in _pieces(modules[block], block, part)]
    return [
        f"{place}.{name}" if name else place
        for place in places
        for name, module in modules[place].named_modules()
        if is_linear(module)
    ]


def outputs_of(model: nn.Module, part: str) -> list[str]:
    """The full names of the modules that end each block's attention or mlp.

    In a block without any of both, its mixer counts as mlp. MisfitError if no block has the part.
    """
    found = []
    for name, block in blocks(model).items():
        pieces = _pieces(block, name, part)
        if not pieces and part == "mlp" and not _pieces(block, name, "attention"):
            pieces = _children(block, name, _MIXERS)
        found += pieces[-1:]
    if not found:
        raise MisfitError(
            "adapter.placement" if part == "attention" else "method",
            f"the blocks of {type(model).__name__} have no {part} to put an adapter after",
            f"they have {named(model)}",
        )
    return found


def _pieces(block: nn.Module, name: str, part: str) -> list[str]:
    """The modules that make up a part of a block: one, or its loose layers."""
    return _children(block, name, PARTS[part]) or [
        f"{name}.{layer}"
        for layers in _LOOSE.get(part, ())
        if all(hasattr(block, layer) for layer in layers)
        for layer in layers
    ]


def _children(block: nn.Module, name: str, words: Iterable[str]) -> list[str]:
    return [
        f"{name}.{child}"
        for child, module in block.named_children()
        if any(word in child for word in words) and _has_matrices(module)
    ]


def _has_matrices(module: nn.Module) -> bool:
    """Whether it is more than a norm."""
    return any(weight.dim() > 1 for weight in module.parameters())


def modules_named(model: nn.Module, endings: Iterable[str], field: str) -> list[str]:
    """The full names of the modules with one of these endings.

    MisfitError, naming `field`, if endings have no match.
    """
    names = [name for name, _ in model.named_modules() if name]
    found = {ending: ending_with(names, ending) for ending in endings}
    missing = [repr(ending) for ending, matches in found.items() if not matches]
    if missing:
        raise MisfitError(
            field,
            f"{type(model).__name__} has no module named {' or '.join(missing)}",
            f"it has {named(model)}",
        )
    return [name for matches in found.values() for name in matches]


def ending_with(names: Iterable[str], ending: str) -> list[str]:
    """The names that are, or end in, one or more dotted parts."""
    return [name for name in names if f".{name}".endswith(f".{ending}")]


def named(model: nn.Module) -> str:
    """The last parts of the names of all modules, without numbers; linear layers first."""
    modules = sorted(model.named_modules(), key=lambda each: not is_linear(each[1]))
    known = dict.fromkeys(_last(name) for name, _ in modules if name)
    return ", ".join(each for each in known if not each.isdigit())


def short_names(names: Iterable[str]) -> str:
    """The last parts of some modules' names, each once."""
    return ", ".join(dict.fromkeys(map(_last, names)))


def fused_experts(model: nn.Module) -> list[str]:
    """The full names of weights that hold a matrix of each expert, in no layer of their own."""
    return [
        name
        for name, weight in model.named_parameters()
        if weight.dim() == 3 and "experts" in name.split(".")
    ]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_stack(modules: nn.ModuleList) -> bool:
    """Whether the modules are blocks: with linear layers in their parts, and none a layer itself.

    Hybrid models have blocks of several kinds.
    """
    return not any(map(is_linear, modules)) and all(map(_has_layers, modules))


def _has_layers(module: nn.Module) -> bool:
    return any(map(is_linear, module.modules()))
