"""The layers of a model that LoRA adapts, by `lora.target_modules`, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from trainables.architecture.direct_weights import used_directly
from trainables.architecture.modules import (
    fused_experts,
    is_linear,
    linear_modules_in,
    modules_named,
    named,
    short_names,
)
from trainables.architecture.vocabulary import tied_to
from trainables.core.errors import MisfitError

FIELD = "lora.target_modules"

Chosen = str | tuple[str, ...]
"""`all-linear`, a part of the blocks, or names."""


@dataclass(frozen=True)
class Targets:
    """Layers as PEFT takes them, and the full names of weights that belong to no layer."""

    modules: str | list[str]
    parameters: list[str] | None = None


def targets(model: PreTrainedModel, chosen: Chosen) -> Targets:
    """The targets of a choice; MisfitError if the model does not have them."""
    if isinstance(chosen, tuple):
        return Targets(_checked(model, chosen))
    direct = _direct_layers(model)
    if chosen == "all-linear":
        # PEFT's own word, as long as it means the same.
        return Targets(_all_linear(model) if direct else chosen)
    layers = [name for name in linear_modules_in(model, chosen) if name not in direct]
    experts = fused_experts(model) if chosen == "mlp" else []
    if not layers and not experts:
        raise MisfitError(
            FIELD,
            f"the blocks of {type(model).__name__} have no {chosen} with linear layers",
            f"use all-linear, or names: {named(model)}",
        )
    return Targets(layers, experts or None)


def remarks(model: PreTrainedModel, chosen: Chosen) -> Iterator[str]:
    """What a user may not expect of a possible choice."""
    yield from _left_out(model, chosen)
    yield from _experts(model, chosen)
    yield from _tied(model, chosen)


def _checked(model: PreTrainedModel, names: tuple[str, ...]) -> list[str]:
    # PEFT ignores a name that it does not find, as long as it finds another one.
    modules_named(model, names, FIELD)
    for ending in names:
        found = modules_named(model, [ending], FIELD)
        for name in found:
            _check_layer(model, name, ending)
        for name in set(found) & set(used_directly(model)):
            owner = type(model.get_submodule(name.rpartition(".")[0])).__name__
            raise MisfitError(
                FIELD,
                f"{owner} of {type(model).__name__} uses the weight of {ending!r} without calling "
                "the layer, so an adapter on it would train nothing or break the merge",
                f"use all-linear, or {short_names(_all_linear(model))}",
            )
    return list(names)


def _check_layer(model: PreTrainedModel, name: str, ending: str) -> None:
    module = model.get_submodule(name)
    if isinstance(module, nn.MultiheadAttention):
        return
    parts = [each for each, _ in module.named_modules() if each]
    matrices = any(weight.dim() > 1 for weight in (*module.parameters(), *module.buffers()))
    if not parts and matrices:
        return
    layers = [
        f"{name}.{each}" for each in parts if is_linear(model.get_submodule(f"{name}.{each}"))
    ]
    raise MisfitError(
        FIELD,
        f"{ending!r} of {type(model).__name__} is a {type(module).__name__}, not a layer",
        f"name its layers: {short_names(layers)}"
        if layers
        else "use all-linear, or names of layers",
    )


def _direct_layers(model: PreTrainedModel) -> list[str]:
    return [name for name in used_directly(model) if is_linear(model.get_submodule(name))]


def _all_linear(model: PreTrainedModel) -> list[str]:
    """All linear layers, except the head and those whose weights are used directly."""
    head, direct = model.get_output_embeddings(), set(used_directly(model))
    return [
        name
        for name, module in model.named_modules()
        if is_linear(module) and module is not head and name not in direct | {"score", "classifier"}
    ]


def _left_out(model: PreTrainedModel, chosen: Chosen) -> Iterator[str]:
    direct = _direct_layers(model) if chosen == "all-linear" else []
    if direct:
        yield (
            f"{FIELD}: all-linear leaves out {short_names(direct)} of {type(model).__name__}, "
            "whose weights are used without calling the layer; "
            f"it adapts {short_names(_all_linear(model))}."
        )


def _experts(model: PreTrainedModel, chosen: Chosen) -> Iterator[str]:
    experts = fused_experts(model)
    if not experts:
        return
    held = f"the experts of {type(model).__name__} are whole tensors ({short_names(experts)})"
    if chosen == "mlp":
        layers = short_names(linear_modules_in(model, "mlp"))
        also = f" and of {layers}" if layers else ""
        yield f"{FIELD}: {held}; mlp adapts the matrices of each expert{also}, not the router."
    else:
        reached = short_names(_all_linear(model)) if chosen == "all-linear" else _shown(chosen)
        yield (
            f"{FIELD}: {held}; {_shown(chosen)} leaves experts and router out and adapts {reached}."
        )


def _tied(model: PreTrainedModel, chosen: Chosen) -> Iterator[str]:
    for ending in chosen if isinstance(chosen, tuple) else ():
        if other := tied_to(model, ending):
            yield (
                f"{FIELD}: {ending} of {type(model).__name__} shares its weight with {other}; "
                "merging such an adapter into the model changes both, so keep it unmerged."
            )


def _shown(chosen: Chosen) -> str:
    return ", ".join(chosen) if isinstance(chosen, tuple) else chosen
