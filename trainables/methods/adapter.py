"""Bottleneck adapters behind attention and feed-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveInt
from trainables.methods.peft_method import PeftMethod

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from trainables.config.trial import TrialConfig


class AdapterConfig(Frozen):
    """Bottleneck adapters: down to `size`, a nonlinearity, up again, added to the input."""

    size: PositiveInt = 64
    placement: Literal["houlsby", "pfeiffer"] = Field(
        default="pfeiffer",
        description="houlsby: after attention and feed-forward (Houlsby et al. 2019, "
        "arXiv:1902.00751); pfeiffer: after feed-forward only (Pfeiffer et al. 2020, "
        "arXiv:2005.00247)",
    )
    activation: Literal["relu", "gelu", "silu"] = "relu"


class Adapter(PeftMethod):
    """Bottleneck adapters, after Houlsby or Pfeiffer."""

    name = "adapter"
    sections = {"adapter": AdapterConfig}
    fits_by = ("adapter.placement",)
    unmergeable = "its bottlenecks are layers with a nonlinearity, which no weight of the model has"

    def peft_config(self, base: PreTrainedModel, config: TrialConfig) -> PeftConfig:
        """PEFT's configuration for the sublayers of its placement."""
        from trainables.architecture.bottleneck import BottleneckConfig
        from trainables.architecture.modules import outputs_of

        settings = config.settings(AdapterConfig)
        parts = {"houlsby": ("attention", "mlp"), "pfeiffer": ("mlp",)}[settings.placement]
        return BottleneckConfig(
            target_modules=[name for part in parts for name in outputs_of(base, part)],
            size=settings.size,
            activation=settings.activation,
        )


ADAPTER = Adapter()
