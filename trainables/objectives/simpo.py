"""Simple preference optimisation: pairs, by mean log-probabilities, without a reference."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveFloat
from trainables.objectives.objective import Objective


class SimpoConfig(Frozen):
    """Simple preference optimisation (Meng et al. 2024, arXiv:2405.14734); defaults as there."""

    beta: PositiveFloat = Field(
        default=2.0, description="scale of an answer's reward, its mean log-probability"
    )
    gamma: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="margin by which the chosen answer's reward should lead"
    )


class Simpo(Objective):
    """Simple preference optimisation."""

    name = "simpo"
    sections = {"simpo": SimpoConfig}
    writes_answers = True
    no_packing = "scores each sequence separately; only sft supports packing"


SIMPO = Simpo()
