"""Kahneman-Tversky optimisation: single answers, good or bad."""

from __future__ import annotations

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveFloat
from trainables.objectives.preference import Preference


class KtoConfig(Frozen):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306)."""

    beta: PositiveFloat = Field(
        default=0.1, description="weight of the penalty for leaving the reference"
    )
    desirable_weight: PositiveFloat = 1.0
    undesirable_weight: PositiveFloat = 1.0


class Kto(Preference):
    """Kahneman-Tversky optimisation."""

    name = "kto"
    sections = {"kto": KtoConfig}


KTO = Kto()
