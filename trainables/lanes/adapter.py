"""A trial's trained part, taken from PEFT's model: made, named and saved as by PEFT."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from peft import PeftConfig, PeftModel
from peft.tuners.lora import LoraLayer
from peft.utils import ModulesToSaveWrapper, get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from trainables.core.errors import RefusedError

_DEFAULT = "default"
"""PEFT's name of the only adapter of a model."""


@dataclass(frozen=True)
class LowRank:
    """What is added to a module's output: `scaling` times B A of its input.

    `a` is [rank, inputs], `b` is [outputs, rank].
    """

    a: torch.nn.Parameter
    b: torch.nn.Parameter
    scaling: float


@dataclass(frozen=True)
class Adapter:
    """The trained part by the modules of the base that it belongs to.

    `heads` replace modules of the base. `trained` are all parameters by their names in PEFT's
    model, in its order; `saved` are the same by their names in PEFT's files.
    """

    low_rank: Mapping[str, LowRank]
    heads: Mapping[str, torch.nn.Module]
    dropout: float
    trained: Mapping[str, torch.nn.Parameter]
    saved: Mapping[str, torch.Tensor]
    config: PeftConfig

    @classmethod
    def of(cls, model: PeftModel, dropout: float) -> Adapter:
        """The part that PEFT has added, which outlives its model. RefusedError if it is more than
        products of low rank and heads."""
        low_rank: dict[str, LowRank] = {}
        heads: dict[str, torch.nn.Module] = {}
        for name, module in model.get_base_model().named_modules():
            if isinstance(module, ModulesToSaveWrapper):
                heads[name] = module.modules_to_save[_DEFAULT]
            elif isinstance(module, LoraLayer):
                low_rank[name] = _low_rank(name, module)
        trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
        saved = get_peft_model_state_dict(model, save_embedding_layers=False)
        kept = cls(low_rank, heads, dropout, trained, saved, model.peft_config[_DEFAULT])
        if not kept._is_whole():
            raise RefusedError("PEFT trains more here than a lane holds")
        return kept

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """All that trains."""
        return list(self.trained.values())

    def copy(self) -> Adapter:
        """One with weights of its own, to compute with but not to keep."""
        low_rank = {
            name: LowRank(_copied(each.a), _copied(each.b), each.scaling)
            for name, each in self.low_rank.items()
        }
        heads = {name: copy.deepcopy(each) for name, each in self.heads.items()}
        return replace(self, low_rank=low_rank, heads=heads, trained={}, saved={})

    def drop_gradients(self) -> None:
        """Forget what passes have left."""
        for weight in self._held():
            weight.grad = None

    def save(self, folder: Path) -> None:
        """Write what PEFT would write."""
        folder.mkdir(parents=True)
        tensors = {name: each.detach().contiguous() for name, each in self.saved.items()}
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        self.config.inference_mode = True
        self.config.save_pretrained(folder)
        self.config.inference_mode = False

    def write(self, file: Path) -> None:
        """Write the trained weights for `read`, as in a checkpoint of the trainer."""
        save_file({name: each.detach().contiguous() for name, each in self.trained.items()}, file)

    @torch.no_grad()
    def read(self, file: Path) -> None:
        """Restore weights from `write`."""
        stored = load_file(file)
        for name, weight in self.trained.items():
            weight.copy_(stored[name])

    def _is_whole(self) -> bool:
        places = {each.data_ptr() for each in self._held()}
        named = [*self.trained.values(), *self.saved.values()]
        return all(each.data_ptr() in places for each in named)

    def _held(self) -> Iterator[torch.nn.Parameter]:
        for low in self.low_rank.values():
            yield from (low.a, low.b)
        for head in self.heads.values():
            yield from head.parameters()


def _copied(weight: torch.nn.Parameter) -> torch.nn.Parameter:
    return torch.nn.Parameter(weight.detach().clone())


def _low_rank(name: str, module: LoraLayer) -> LowRank:
    plain = _DEFAULT in module.lora_A and not module.lora_variant
    layers = [module.lora_A[_DEFAULT], module.lora_B[_DEFAULT]] if plain else []
    if not layers or not all(isinstance(each, torch.nn.Linear) for each in layers):
        raise RefusedError(f"the adapter of {name} is no product of two linear layers")
    a, b = (each.weight for each in layers)
    return LowRank(a, b, float(module.scaling[_DEFAULT]))
