"""Odds-ratio preference optimisation: pairs, learned and preferred at once, without a reference."""

from __future__ import annotations

from pydantic import Field

from trainables.core.frozen import Frozen, PositiveFloat
from trainables.objectives.preference import Preference


class OrpoConfig(Frozen):
    """Odds-ratio preference optimisation (Hong et al. 2024, arXiv:2403.07691)."""

    beta: PositiveFloat = Field(
        default=0.1,
        description="weight of the odds ratio beside the chosen answer's loss (the paper's lambda)",
    )


class Orpo(Preference):
    """Odds-ratio preference optimisation."""

    name = "orpo"
    scores_single_rows = True
    sections = {"orpo": OrpoConfig}


ORPO = Orpo()
