"""The optimizer's settings, and the learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from trainables.core.frozen import BelowOne, Frozen, NonNegative, PositiveFloat

ScheduleName = Literal["constant", "linear", "cosine", "wsd"]
OptimizerName = Literal[
    "adamw",
    "adamw_fused",
    "adamw_8bit",
    "paged_adamw_8bit",
    "adam",
    "sgd",
    "adafactor",
    "lion",
    "lion_8bit",
    "lamb",
]


_ADAMS = ("adamw", "adamw_fused", "adamw_8bit", "paged_adamw_8bit", "adam", "lamb")
_LIONS = ("lion", "lion_8bit")

READ_BY: Mapping[str, tuple[str, ...]] = {
    "optimizer.beta1": (*_ADAMS, *_LIONS, "sgd"),
    "optimizer.beta2": (*_ADAMS, *_LIONS),
    "optimizer.epsilon": _ADAMS,
    "floor_fraction": ("linear", "cosine", "wsd"),
}
"""The constants that only some optimizers or schedules have, each with the names of these."""


class OptimizerConfig(Frozen):
    """The optimizer and its constants (optimizers.py explains each name)."""

    name: OptimizerName = "adamw"
    weight_decay: NonNegative = 0.0
    beta1: BelowOne = Field(
        default=0.9, description="decay rate of the gradient average; momentum for sgd"
    )
    beta2: BelowOne = Field(
        default=0.999,
        description="decay rate of the squared-gradient average, or of lion's momentum",
    )
    epsilon: PositiveFloat = 1e-8
    max_grad_norm: NonNegative = Field(
        default=1.0,
        description="maximum norm of gradients (clipped above it); 0 turns clipping off",
    )


class WsdConfig(Frozen):
    """Warmup-stable-decay (Hu et al. 2024, arXiv:2404.06395)."""

    decay_fraction: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.2, description="final share of all steps over which the learning rate decays"
    )
