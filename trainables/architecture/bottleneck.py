"""Bottleneck adapters as a PEFT method: `import` registers it with PEFT, as type BOTTLENECK.

PEFT has no such method, and the library that has one does not work with this stack. Built on PEFT's
own classes, an adapter is attached, disabled, saved, loaded and removed like any other:
`PeftModel.from_pretrained` can load it once this module has been imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from peft import PeftConfig
from peft.mapping import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_PREFIX_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
)
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import nn

BOTTLENECK = "BOTTLENECK"

ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": nn.functional.relu,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
}


@dataclass
class BottleneckConfig(PeftConfig):
    """The adapters' places (full names of sublayers) and their size, [hidden, size, hidden]."""

    target_modules: list[str] | None = field(default=None)
    size: int = field(default=64)
    activation: Literal["relu", "gelu", "silu"] = field(default="relu")
    modules_to_save: list[str] | None = field(default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = BOTTLENECK


class BottleneckLayer(nn.Module, BaseTunerLayer):
    """A sublayer h = f(x), turned into h + up(act(down(h))); `up` starts at zero."""

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")

    def __init__(self, base_layer: nn.Module, adapter_name: str) -> None:
        super().__init__()
        self._active_adapter = adapter_name
        self.base_layer = base_layer
        self.bottleneck_down = nn.ModuleDict()
        self.bottleneck_up = nn.ModuleDict()
        self._activation: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {}
        self._disable_adapters = False
        self.merged_adapters: list[str] = []

    def update_layer(self, adapter_name: str, config: BottleneckConfig, hidden: int) -> None:
        """Add an adapter, which initially changes nothing."""
        down, up = nn.Linear(hidden, config.size), nn.Linear(config.size, hidden)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        # Full precision for the optimizer, whatever the base's precision.
        device = next(self.base_layer.parameters()).device
        self.bottleneck_down[adapter_name] = down.to(device)
        self.bottleneck_up[adapter_name] = up.to(device)
        self._activation[adapter_name] = ACTIVATIONS[config.activation]
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The sublayer's own result, with adapted hidden states."""
        result = self.base_layer(*args, **kwargs)
        if self.disable_adapters:
            return result
        if isinstance(result, tuple):
            return self._adapted(result[0]), *result[1:]
        return self._adapted(result)

    def _adapted(self, hidden: torch.Tensor) -> torch.Tensor:
        adapted = hidden
        for name in self.active_adapters:
            down, up = self.bottleneck_down[name], self.bottleneck_up[name]
            inner = self._activation[name](down(adapted.to(next(down.parameters()).dtype)))
            adapted = adapted + up(inner).to(hidden.dtype)
        return adapted

    def __getattr__(self, name: str) -> Any:
        """The sublayer's own attributes, for its block."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("base_layer"), name)


class BottleneckModel(BaseTuner):
    """Puts a BottleneckLayer around each sublayer in the config."""

    prefix = "bottleneck_"
    tuner_layer_cls = BottleneckLayer
    target_module_mapping: Mapping[str, Any] = {}

    def _create_and_replace(
        self,
        peft_config: BottleneckConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
    ) -> None:
        layer = target
        if not isinstance(layer, BottleneckLayer):
            layer = BottleneckLayer(target, adapter_name)
        hidden = self.model.config.get_text_config().hidden_size
        layer.update_layer(adapter_name, peft_config, hidden)
        setattr(parent, target_name, layer)

    def _replace_module(
        self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module
    ) -> None:
        # PEFT's own method transfers a linear layer's weight; a sublayer has none of its own.
        setattr(parent, child_name, new_module)


PEFT_TYPE_TO_CONFIG_MAPPING[BOTTLENECK] = BottleneckConfig
PEFT_TYPE_TO_TUNER_MAPPING[BOTTLENECK] = BottleneckModel
PEFT_TYPE_TO_PREFIX_MAPPING[BOTTLENECK] = BottleneckModel.prefix
