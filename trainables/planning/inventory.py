"""What a trial's model is made of: its weights by how they are held, and which of them train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel
from transformers.quantizers.quantizers_utils import should_convert_module

from trainables.config.trial import TrialConfig
from trainables.methods.qlora import QuantizationConfig
from trainables.models import tuned

_BLOCK = 64
"""Weights that share a constant in bitsandbytes' 4-bit format."""

_CONSTANTS = 256
"""Constants that share one in double quantisation."""

_EXACT = 1e-3
"""What a whole number may be off by, as a share of a side computed in floating point."""


@dataclass(frozen=True)
class Weight:
    """A weight's shape, and the bytes of each of its elements."""

    shape: tuple[int, ...]
    width: int

    @property
    def elements(self) -> int:
        """Its number of elements."""
        return math.prod(self.shape)

    def towards(self, other: Weight, share: float) -> Weight:
        """The weight between two; ValueError unless it has a shape."""
        if len(self.shape) != len(other.shape) or self.width != other.width:
            raise ValueError(f"{self} and {other} differ in kind")
        sides = [a + share * (b - a) for a, b in zip(self.shape, other.shape, strict=True)]
        if any(abs(side - round(side)) > _EXACT for side in sides):
            raise ValueError(f"there is no weight {share:g} between {self} and {other}")
        return Weight(tuple(map(round, sides)), self.width)

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.elements * self.width


@dataclass(frozen=True)
class Inventory:
    """A model's weights: `frozen` ones and buffers, `packed` ones in 4 bits, and `trained` ones.

    `packed` gives numbers of elements; `packed_bytes` is their size with all constants.
    """

    frozen: tuple[Weight, ...]
    packed: tuple[int, ...]
    packed_bytes: int
    trained: tuple[Weight, ...]

    @property
    def constants(self) -> int:
        """Bytes of what turns 4 bits into numbers: constants of blocks, and tables."""
        return self.packed_bytes - sum(math.ceil(each / 2) for each in self.packed)

    @property
    def frozen_bytes(self) -> int:
        """Bytes of all that does not train."""
        return sum(each.bytes for each in self.frozen) + self.packed_bytes

    @property
    def trained_elements(self) -> int:
        """Number of trained parameters."""
        return sum(each.elements for each in self.trained)

    @property
    def elements(self) -> int:
        """Number of all parameters."""
        return sum(each.elements for each in self.frozen) + sum(self.packed) + self.trained_elements

    def towards(self, other: Inventory, share: float) -> Inventory:
        """The model between two sizes of a method; ValueError if they differ in kind."""
        if self.packed != other.packed:
            raise ValueError("one has more weights in 4 bits")
        return replace(
            self,
            frozen=_between(self.frozen, other.frozen, share),
            trained=_between(self.trained, other.trained, share),
        )


def take(
    model: PreTrainedModel,
    config: TrialConfig,
    packed: Sequence[str] = (),
    new_tokens: Sequence[int] = (),
) -> tuple[torch.nn.Module, Inventory]:
    """Attach the trial's method to a model without weights, and list what it is made of.

    `packed` names the layers held in 4 bits. The model is changed.
    """
    names = {id(model.get_submodule(name).weight) for name in packed}
    attached = tuned.attach(model, config, new_tokens)
    # A tied weight appears once, as in memory.
    weights = [*attached.parameters(), *attached.buffers()]
    dense = [each for each in weights if id(each) not in names]
    elements = tuple(each.numel() for each in weights if id(each) in names)
    return attached, Inventory(
        frozen=tuple(_weight(each) for each in dense if not each.requires_grad),
        packed=elements,
        packed_bytes=sum(packed_bytes(each, _is_double(config)) for each in elements),
        trained=tuple(_weight(each) for each in dense if each.requires_grad),
    )


def packed_bytes(elements: int, double: bool) -> int:
    """The size of one weight in NF4 or FP4 with its constants (Dettmers et al. 2023,
    arXiv:2305.14314): 4 bits each, and 32 bits for each block of 64; double quantisation turns
    those into 8 bits, 32 bits for each 256 of them, and an offset."""
    blocks = math.ceil(elements / _BLOCK)
    constants = 4 * blocks if not double else blocks + 4 * math.ceil(blocks / _CONSTANTS) + 4
    return math.ceil(elements / 2) + constants + 4 * (16 + (256 if double else 0))


def layers_in_4_bits(model: PreTrainedModel, whole: Sequence[str]) -> list[str]:
    """The names of the layers that qlora holds in 4 bits; `whole` ones are left as they are."""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and should_convert_module(name, list(whole))
    ]


def _between(some: Sequence[Weight], others: Sequence[Weight], share: float) -> tuple[Weight, ...]:
    return tuple(a.towards(b, share) for a, b in zip(some, others, strict=True))


def _is_double(config: TrialConfig) -> bool:
    return config.settings(QuantizationConfig).double


def _weight(tensor: torch.Tensor) -> Weight:
    return Weight(tuple(tensor.shape), tensor.element_size())
