"""The training budget and batch-size ramp of a trial."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from trainables.core.frozen import Frozen

MOST_EXAMPLES = 10**8
"""Limit of a trial's examples. Their order is held in memory: 8 bytes each, and 16 per step."""


class TrialBudget(Frozen):
    """Length of a trial's training, and the number of its evaluations.

    Exactly one of `steps` (optimizer steps), `tokens` (training tokens that are not padding) and
    `epochs` is set; the default is one epoch.
    """

    steps: Annotated[int, Field(gt=0, le=MOST_EXAMPLES)] | None = None
    tokens: Annotated[int, Field(gt=0, le=10**15)] | None = None
    epochs: Annotated[float, Field(gt=0, le=10**6)] | None = None
    evaluations: Annotated[int, Field(gt=0, le=10_000)] = Field(
        default=4, description="number of evenly spaced evaluations; the last one is at the end"
    )

    @model_validator(mode="after")
    def _one_measure(self) -> TrialBudget:
        given = [name for name in ("steps", "tokens", "epochs") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both set; keep one of them")
        if not given:
            object.__setattr__(self, "epochs", 1.0)
        return self


class BatchRampConfig(Frozen):
    """A smaller batch at the start of training, when gradients agree more (Smith et al. 2018,
    arXiv:1711.00489; Brown et al. 2020, arXiv:2005.14165, ramped GPT-3's linearly).
    """

    start_fraction: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="share of batch_size used at the first step; 1 means no ramp"
    )
    fraction: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.2, description="share of all steps over which the batch grows to batch_size"
    )
