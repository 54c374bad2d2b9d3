"""Simple preference optimisation: pairs, by mean log-probabilities, without a reference."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveFloat
from trainables.objectives.preference import Preference


class SimpoConfig(Frozen):
    """Simple preference optimisation (Meng et al. 2024, arXiv:2405.14734); defaults as there."""

    beta: PositiveFloat = Field(
        default=2.0, description="scale of an answer's reward, its mean log-probability"
    )
    gamma: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="margin by which the chosen answer's reward should lead"
    )


class Simpo(Preference):
    """Simple preference optimisation."""

    name = "simpo"
    scores_single_rows = True
    sections = {"simpo": SimpoConfig}


SIMPO = Simpo()
