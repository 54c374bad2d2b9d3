"""The settings of the objectives that have any. A trial reads those of its own objective only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainables.core.frozen import Frozen, NonNegative, PositiveFloat


class ClassificationConfig(Frozen):
    """One of several labels for a text."""

    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="balanced: a row weighs rows / (classes * rows of its class) in training",
    )


class RewardConfig(Frozen):
    """A reward model: Bradley-Terry on pairs, squared error on scalar rewards."""

    center: NonNegative = Field(
        default=0.0,
        description="coefficient of (sum of a pair's rewards)^2, which keeps rewards around zero "
        "(Eisenstein et al. 2023, arXiv:2312.09244)",
    )


class DpoConfig(Frozen):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290)."""

    beta: PositiveFloat = Field(default=0.1, description="how dear it is to leave the reference")
    loss: Literal["sigmoid", "hinge", "ipo"] = Field(
        default="sigmoid",
        description="hinge: SLiC (Zhao et al. 2023, arXiv:2305.10425); ipo: Azar et al. 2023 "
        "(arXiv:2310.12036), averaged over an answer's tokens",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default=0.0, description="probability that a pair's labels are swapped (sigmoid only)"
    )


class KtoConfig(Frozen):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306)."""

    beta: PositiveFloat = Field(default=0.1, description="how dear it is to leave the reference")
    desirable_weight: PositiveFloat = 1.0
    undesirable_weight: PositiveFloat = 1.0
