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
class Held:
    """How a model's weights are held: packed ones have no matrix that PEFT could add to, unless
    their layer is called."""

    packed_layers: bool = False
    packed_experts: bool = False


@dataclass(frozen=True)
class Targets:
    """Layers, or PEFT's own word for them, and the full names of weights adapted by themselves.

    `left_out` are layers that were chosen and cannot have an adapter.
    """

    modules: str | list[str]
    parameters: list[str] | None = None
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        """The last parts of all names."""
        modules = [] if isinstance(self.modules, str) else self.modules
        weights = [name.removesuffix(".weight") for name in self.parameters or ()]
        return short_names([*modules, *weights])


def targets(model: PreTrainedModel, chosen: Chosen, held: Held = Held()) -> Targets:
    """The targets of a choice; MisfitError if the model does not have them."""
    direct, experts = set(used_directly(model)), fused_experts(model)
    if isinstance(chosen, tuple):
        layers = _checked(model, chosen)
        if not experts:
            return Targets(list(chosen))
        experts = []
    elif chosen == "all-linear":
        layers = _all_linear(model)
        if not direct.intersection(layers) and not experts:
            return Targets(chosen)  # PEFT's own word, as long as it means the same
    else:
        layers = linear_modules_in(model, chosen)
        experts = experts if chosen == "mlp" else []
    kept = [name for name in layers if name not in direct]
    if held.packed_experts:
        experts = []
    if not kept and not experts:
        raise MisfitError(
            FIELD,
            f"the blocks of {type(model).__name__} have no {_shown(chosen)} that LoRA can adapt",
            f"use all-linear, or names: {named(model)}",
        )
    return _split(kept, experts, _renamed_by_peft(model), held.packed_layers)


def _split(layers: list[str], experts: list[str], renamed: set[str], packed: bool) -> Targets:
    """Layers that PEFT would take for experts are adapted by the name of their weight."""
    lost = [name for name in layers if name.rpartition(".")[2] in renamed]
    modules = [name for name in layers if name not in set(lost)]
    weights = [] if packed else [f"{name}.weight" for name in lost]
    return Targets(modules, [*experts, *weights] or None, tuple(lost) if packed else ())


def _renamed_by_peft(model: PreTrainedModel) -> set[str]:
    """Names of layers that PEFT takes for parts of experts, as they were called in older models.

    It does so wherever they are, also when it loads an adapter; then a dense or shared layer of
    that name would get no adapter.
    """
    from peft.utils.transformers_weight_conversion import (
        _MODEL_TO_CONVERSION_PATTERN,
        _MOE_TARGET_MODULE_MAPPING,
    )

    pattern = _MODEL_TO_CONVERSION_PATTERN.get(model.config.model_type)
    return set(_MOE_TARGET_MODULE_MAPPING.get(pattern, ()))


def remarks(model: PreTrainedModel, chosen: Chosen, held: Held = Held()) -> Iterator[str]:
    """What a user may not expect of a possible choice."""
    yield from _mixers(model, chosen)
    yield from _experts(model, chosen, held)
    yield from _tied(model, chosen)


def _checked(model: PreTrainedModel, names: tuple[str, ...]) -> list[str]:
    # PEFT ignores a name that it does not find, as long as it finds another one.
    modules_named(model, names, FIELD)
    direct = set(used_directly(model))
    for ending in names:
        found = modules_named(model, [ending], FIELD)
        for name in found:
            _check_layer(model, name, ending)
        for name in filter(direct.__contains__, found):
            owner = type(model.get_submodule(name.rpartition(".")[0])).__name__
            raise MisfitError(
                FIELD,
                f"{owner} of {type(model).__name__} uses the weight of {ending!r} without calling "
                "the layer, so an adapter on it would train nothing or break the merge",
                f"use all-linear, or {targets(model, 'all-linear').names}",
            )
    return modules_named(model, names, FIELD)


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


def _all_linear(model: PreTrainedModel) -> list[str]:
    """All linear layers, except the head."""
    head = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if is_linear(module) and module is not head and name not in ("score", "classifier")
    ]


def _mixers(model: PreTrainedModel, chosen: Chosen) -> Iterator[str]:
    direct = set(used_directly(model)).intersection(_all_linear(model))
    if chosen == "all-linear" and direct:
        ordered = [name for name in _all_linear(model) if name in direct]
        yield (
            f"{FIELD}: all-linear leaves out {short_names(ordered)} of {type(model).__name__}, "
            "whose weights are used without calling the layer; "
            f"it adapts {targets(model, chosen).names}."
        )


def _experts(model: PreTrainedModel, chosen: Chosen, held: Held) -> Iterator[str]:
    experts = fused_experts(model)
    if not experts:
        return
    found = targets(model, chosen, held)
    reached = set(found.parameters or ()).intersection(experts)
    state = "adapts" if reached else "does not adapt"
    packed = f", nor {short_names(found.left_out)}, which are quantised" if found.left_out else ""
    yield (
        f"{FIELD}: {_shown(chosen)} {state} the experts of {type(model).__name__}{packed}; "
        f"adapters are on {found.names}."
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
